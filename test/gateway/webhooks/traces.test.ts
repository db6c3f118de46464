// A `traceparent` on its way from a request to the webhook of the message, at a gateway without an SDK of OpenTelemetry.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onBothEngines, restOf } from '../../support/rest/rest-calls.js'
import { startAs } from '../../support/raw-client.js'
import { postAs } from '../../support/clients/posted-sends.js'
import { until } from '../../support/until.js'
import { key, secretOf, startEndpoint } from '../../support/network/webhook-endpoint.js'

const traceOf = (digit: number): string => `00-${String(digit).repeat(32)}-${'b'.repeat(16)}-01`

const endpoint = await startEndpoint((response) => response.end())
const webhooks = {
  url: endpoint.url,
  secrets: [secretOf(key)],
  events: ['message.created' as const, 'user.created' as const],
}

for (const { url, on } of await onBothEngines({ webhooks })) {
  /** The `traceparent` that the webhook of a message had, and the names of its data. */
  const deliveryOf = async (id: string): Promise<{ traceparent: string | undefined; names: string[] }> => {
    const find = () =>
      endpoint.received.find(
        ({ type, body }) =>
          type === 'message.created' && (body['data'] as { message: { id: string } }).message.id === id,
      )
    await until(`the webhook of ${id} came`, () => find() !== undefined, true)
    const { headers, body } = find() ?? assert.fail()
    return { traceparent: headers['traceparent'], names: Object.keys(body['data'] as object).toSorted() }
  }
  const names = ['epoch', 'message', 'online', 'sessions']

  test(`a call of the REST API hands its traceparent to the message’s webhook ${on}`, async () => {
    const rest = restOf(url)
    const headers = { traceparent: traceOf(1) }
    await rest('POST', '/users/bob/messages', { id: `rest ${on}`, body: 'Hello' }, headers)
    assert.deepEqual(await deliveryOf(`rest ${on}`), { traceparent: traceOf(1), names })
    const to = ['carl', 'dora']
    await rest('POST', '/messages', { to, id: `several ${on}`, body: 'Hello' }, { traceparent: traceOf(2) })
    assert.deepEqual(await deliveryOf(`several ${on}`), { traceparent: traceOf(2), names })
  })

  test(`a send hands its traceparent to the message’s webhook ${on}`, async () => {
    const client = await startAs(url, 'ann')
    client.send({ type: 'send', id: `frame ${on}`, to: 'bob', body: 'Hello', traceparent: traceOf(3) })
    await client.next('sent')
    assert.deepEqual(await deliveryOf(`frame ${on}`), { traceparent: traceOf(3), names })
  })

  test(`a posted message hands its traceparent to its webhook ${on}`, async () => {
    const sends = [{ id: `post ${on}`, to: 'bob', body: 'Hello', traceparent: traceOf(4) }]
    assert.equal((await postAs(url, 'ann', sends)).status, 200)
    assert.deepEqual(await deliveryOf(`post ${on}`), { traceparent: traceOf(4), names })
  })

  test(`a traceparent that is not valid is ignored, and the message is stored ${on}`, async () => {
    const client = await startAs(url, 'ann')
    client.send({ type: 'send', id: `bad ${on}`, to: 'bob', body: 'Hello', traceparent: 'ff-1' })
    await client.next('sent')
    assert.deepEqual(await deliveryOf(`bad ${on}`), { traceparent: undefined, names })
  })
}
