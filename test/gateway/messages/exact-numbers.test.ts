// Numbers that JavaScript would store as other ones. They are refused by their name, however they come.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAppToken } from '../../../src/tokens/index.js'
import { postBody } from '../../support/clients/posted-sends.js'
import { startGateway } from '../../support/gateway.js'
import { openClient, startAs } from '../../support/raw-client.js'
import { restOf } from '../../support/rest/rest-calls.js'
import { appId, secret, tokenFor } from '../../support/tokens.js'

const { url } = await startGateway({ signals: 'anyone', authenticate: () => Promise.resolve({ ok: true }) })

const NUMBERS = ['9007199254740993', '-12345678901234567890', '1e400', '1e-400', '3.14159265358979323846']

/** Calls the REST API with a body that is JSON as text. */
const call = async (
  path: string,
  body: string,
): Promise<{ status: number; code?: string; title?: string }> => {
  const response = await fetch(`${url}/v1/apps/${appId}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await createAppToken({ appId, secret })}`,
      'content-type': 'application/json',
    },
    body,
  })
  return { ...((await response.json()) as object), status: response.status }
}

for (const number of NUMBERS) {
  const data = `{"order":{"ids":[1,${number}]}}`

  test(`a message or a signal of a client with ${number} is refused, and its session goes on`, async () => {
    const client = await startAs(url, 'ada')
    for (const type of ['send', 'signal'])
      client.send(`{"type":"${type}","id":"a","name":"n","to":"bob","body":"x","data":${data}}`)
    for (const re of ['send', 'signal']) {
      const refused = await client.next('refused')
      assert.deepEqual([refused['re'], refused['code'], refused['retryable']], [re, 'bad-request', false])
      assert.match(String(refused['message']), /'data\.order\.ids\[1\]' is a number that would be read back/)
    }
    client.send(
      `{"type":"send","id":"b${number}","to":"bob","body":"${number}","data":{"n":"${number}"},"sent":${number}}`,
    )
    assert.equal((await client.next('sent'))['id'], `b${number}`)
  })

  test(`a message or a signal of the backend with ${number} is a bad request, and nothing is stored`, async () => {
    const calls: [path: string, body: string][] = [
      ['/users/cleo/messages', `{"id":"a","data":${data}}`],
      ['/messages', `{"id":"a","to":["cleo"],"data":${data}}`],
      ['/users/cleo/signals', `{"name":"n","data":${data}}`],
    ]
    for (const [path, body] of calls) {
      const { status, code, title } = await call(path, body)
      assert.deepEqual([status, code], [400, 'bad-request'], path)
      assert.match(String(title), /'data\.order\.ids\[1\]' is a number/, path)
    }
    assert.equal((await restOf(url)('GET', '/users/cleo')).status, 404)
  })

  test(`of the messages of a post only that with ${number} is refused`, async () => {
    const sends = [`{"id":"p1","to":"bob","data":${data}}`, '{"id":"p2","to":"bob","data":{"n":1.50}}']
    const posted = await postBody(
      url,
      `{"appId":"${appId}","token":"${await tokenFor('ada')}","sends":[${sends.join()}]}`,
    )
    assert.deepEqual(
      posted.results.map(({ id, code }) => [id, code]),
      [
        ['p1', 'bad-request'],
        ['p2', undefined],
      ],
    )
  })

  test(`a start with ${number} in its auth params ends as a bad request`, async () => {
    const client = openClient(url)
    await client.opened
    client.send(`{"type":"start","appId":"${appId}","userId":"ada","authParams":{"session":${number}}}`)
    const { frame } = await client.end()
    assert.equal(frame['code'], 'bad-request')
    assert.match(String(frame['message']), /'authParams' is a number that would be read back/)
  })
}
