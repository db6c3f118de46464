// A server draws a page from an inbox, and the page names the position up to which it shows the inbox.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../../support/gateway.js'
import { openClient, startAs } from '../../../support/raw-client.js'
import { field, onBothEngines, restOf } from '../../../support/rest/rest-calls.js'
import { startOf, resumeOf } from '../../../support/starts.js'
import { appId } from '../../../support/tokens.js'

/** Returns the position that a REST answer names, as the client of a page reads it. */
const positionOf = (since: unknown) => {
  const [, epoch, offset] =
    /^(.+)\/(\d+)$/.exec(since as string) ?? assert.fail(`no position: ${String(since)}`)
  return { epoch, offset: Number(offset) }
}

for (const { url, gateway, on } of await onBothEngines()) {
  const rest = restOf(url)
  const publish = (to: string, body: string) => gateway.publish({ appId, to, body })
  const since = async (query = '', user = 'ada') =>
    field(await rest('GET', `/users/${user}/messages${query}`), 'since')

  test(`the messages after \`since\` follow \`started\`, each once ${on}`, async () => {
    await publish('ada', 'drawn')
    const position = positionOf(await since())
    await publish('ada', 'later')
    const client = await startAs(url, 'ada', { since: position })
    assert.deepEqual([client.started['resumed'], client.started['lost']], [false, false])
    await publish('ada', 'live')
    for (const body of ['later', 'live']) assert.equal((await client.next('message'))['body'], body)
  })

  test(`\`resume\` says which session is meant, and \`since\` where its messages begin ${on}`, async () => {
    const first = await startAs(url, 'bea')
    await publish('bea', 'seen by the first page only')
    await first.next('message')
    first.close()
    await publish('bea', 'drawn')
    const position = positionOf(await since('', 'bea'))
    await publish('bea', 'later')
    let { started } = first
    for (const offset of [0, 3]) {
      const next = await startAs(url, 'bea', { ...resumeOf(started, offset), since: position })
      assert.deepEqual([next.started['sessionId'], next.started['lost']], [started['sessionId'], false])
      assert.equal((await next.next('message'))['body'], 'later')
      started = next.started
      next.close()
    }
  })

  test(`an answer has \`since\` only if it reaches the newest message ${on}`, async () => {
    await rest('PUT', '/users/dora', {})
    assert.equal(positionOf(await since('', 'dora')).offset, 0)
    for (let index = 1; index <= 5; index++) await publish('dora', `${index}`)
    const offsetOf = async (query: string) => {
      const text = await since(query, 'dora')
      return text === undefined ? undefined : positionOf(text).offset
    }
    assert.equal(await offsetOf('?limit=2'), 5)
    assert.equal(await offsetOf('?after=2'), 5)
    assert.equal(await offsetOf('?after=2&limit=3'), 5)
    assert.equal(await offsetOf('?after=5'), 5)
    assert.equal(await offsetOf('?before=6'), 5)
    assert.equal(await offsetOf('?after=2&limit=2'), undefined)
    assert.equal(await offsetOf('?before=5'), undefined)
    assert.equal(await offsetOf('?before=1'), undefined)
  })
}

test('a `since` of another shape ends the connection as `bad-request`', async () => {
  const { url } = await startGateway()
  for (const since of ['epoch/1', { epoch: 'x' }, { epoch: 'x', offset: -1 }, { epoch: 1, offset: 1 }]) {
    const { frame } = await openClient(url, { start: await startOf('ada', { since }) }).end()
    assert.equal(frame['code'], 'bad-request')
  }
})
