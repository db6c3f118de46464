// A message that is refused for now is not overtaken by messages that its client sent behind it. `send-barrier.test.ts` has the times.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../../../src/engine/index.js'
import type { GatewayConfig } from '../../../../src/gateway/index.js'
import { openClient, roundTrip, startAs, type Client, type Frame } from '../../../support/raw-client.js'
import { scratchFolder } from '../../../support/scratch-folder.js'
import { until } from '../../../support/until.js'
import { startGateway } from '../../../support/gateway.js'
import { startOf } from '../../../support/starts.js'

const path = scratchFolder()

const send = (id: string, to = 'bob', body = 'x'): Frame => ({ type: 'send', id, to, body })

/** Returns the next answers to sends, each as `TYPE ID`. */
const answers = async (client: Client, count: number): Promise<string[]> => {
  const received: string[] = []
  while (received.length < count) {
    const { type, id } = await client.next()
    if (type === 'sent' || type === 'refused') received.push(`${type} ${String(id)}`)
  }
  return received
}

/** Answers every ping so far, so that the client confirms the frames before them. */
const answerPings = async (client: Client): Promise<void> => {
  await until('a ping', () => client.frames.some(({ type }) => type === 'ping'))
  client.send(...client.frames.filter(({ type }) => type === 'ping').map(() => ({ type: 'pong' })))
}

/** A gateway whose `authorizeSend` rejects for messages to `later`. */
const failing = () =>
  startGateway({ authorizeSend: ({ to }) => to !== 'later' || Promise.reject(new Error()) })

test('sends behind a refused one are refused too, until the client has answered a ping after the refusal', async () => {
  const { url } = await failing()
  const client = await startAs(url, 'ada', {}, { pongs: false })
  client.send({ type: 'pong' }, send('a', 'later'), send('b'))
  assert.deepEqual(await answers(client, 2), ['refused a', 'refused b'])
  client.send(send('c'))
  assert.deepEqual(await answers(client, 1), ['refused c'])
  for (const { code, retryable } of client.frames.filter(({ type }) => type === 'refused'))
    assert.deepEqual([code, retryable], ['unavailable', true])
  await answerPings(client)
  client.send(send('b'), send('c'))
  assert.deepEqual(await answers(client, 2), ['sent b', 'sent c'])
})

test('a send that waits for a signal does not overtake one that was refused meanwhile', async () => {
  const { url } = await startGateway({ signals: 'anyone', limits: { bytes: 40_000 } })
  const other = await startAs(url, 'other')
  other.send(send('filler', 'other', 'x'.repeat(16_000)))
  await other.next('sent')
  const client = await startAs(url, 'ada', {}, { pongs: false })
  client.send({ type: 'pong' })
  client.send(send('a', 'bob', 'x'.repeat(15_000)), { type: 'signal', to: 'bob', name: 'typing' }, send('b'))
  assert.deepEqual(await answers(client, 2), ['refused a', 'refused b'])
})

test('the pong for `started` does not confirm a refusal that was sent after it', async () => {
  const { url } = await failing()
  const client = openClient(url, { pongs: false })
  await client.opened
  client.send(await startOf('ada'), send('a', 'later'))
  assert.deepEqual(await answers(client, 1), ['refused a'])
  // This client has received `started`, and nothing since.
  client.send({ type: 'pong' }, send('b'))
  assert.deepEqual(await answers(client, 1), ['refused b'])
  await answerPings(client)
  client.send(send('b'))
  assert.deepEqual(await answers(client, 1), ['sent b'])
})

test('a client that answers pings but not `started` may send again as soon as it has answered', async () => {
  const { url } = await failing()
  const client = await startAs(url, 'ada', {}, { pongs: false })
  for (const [refused, behind, later] of [
    ['a', 'b', 'c'],
    ['d', 'e', 'f'],
  ] as const) {
    const known = client.frames.length
    client.send(send(refused, 'later'))
    assert.deepEqual(await answers(client, 1), [`refused ${refused}`])
    const pings = () => client.frames.slice(known).filter(({ type }) => type === 'ping')
    await until('two pings', () => pings().length === 2)
    client.send({ type: 'pong' }, send(behind))
    assert.deepEqual(await answers(client, 1), [`refused ${behind}`])
    client.send({ type: 'pong' }, send(later))
    assert.deepEqual(await answers(client, 1), [`sent ${later}`])
  }
})

test('no ping is sent before `started`', async () => {
  const { url } = await startGateway({}, { pingInterval: 1 })
  const client = openClient(url, { pongs: false })
  await client.opened
  // This client connected later. If it is pinged, the first client would have been pinged too.
  const neighbour = await startAs(url, 'bob')
  await until('a ping', () => neighbour.frames.some(({ type }) => type === 'ping'))
  neighbour.close()
  client.send(await startOf('ada'))
  await client.next('started')
  assert.equal(client.frames[0]?.type, 'started')
})

test('a send that is refused for good holds no other one back', async () => {
  const { url } = await startGateway()
  const client = await startAs(url, 'ada', {}, { pongs: false })
  client.send({ type: 'pong' }, send(''), send('a'))
  assert.deepEqual(await answers(client, 2), ['refused ', 'sent a'])
})

test('a message that waits for `authorizeSend` does not overtake one before it that failed', async () => {
  const pending: ((may: Promise<boolean>) => void)[] = []
  const { url } = await startGateway({ authorizeSend: () => new Promise((resolve) => pending.push(resolve)) })
  const client = await startAs(url, 'ada')
  client.send(send('a'), send('b'), send('c'))
  await until('the first call', () => pending.length === 1)
  pending[0]?.(Promise.reject(new Error()))
  assert.deepEqual(await answers(client, 3), ['refused a', 'refused b', 'refused c'])
  assert.equal(pending.length, 1, 'no call for the others')
  await answerPings(client)
  client.send(send('a'))
  await until('the second call', () => pending.length === 2)
  pending[1]?.(Promise.resolve(true))
  assert.deepEqual(await answers(client, 1), ['sent a'])
})

test('a message behind one that the engine limits is refused with the same code and time', async () => {
  const engine = createMemoryEngine()
  engine.send = () => Promise.resolve({ outcome: 'limited', retryAfter: 60_000 })
  const { url } = await startGateway({ authorizeSend: () => true }, {}, { engine })
  const client = await startAs(url, 'ada')
  client.send(send('a'), send('b'))
  for (const id of ['a', 'b']) {
    const { code, retryAfter, ...refused } = await client.next('refused')
    assert.deepEqual([refused['id'], code], [id, 'rate-limited'])
    assert.ok(Number(retryAfter) > 50_000, String(retryAfter))
  }
})

test('a send that the gateway reads late, because its client sends too many bytes, overtakes no refused one', async () => {
  const { url } = await startGateway(
    { limits: { messagesPerSecond: 2, bytesPerSecond: 65_536 } },
    { pingInterval: 0.1 },
  )
  const client = await startAs(url, 'ada')
  await roundTrip(client)
  // The client sends all of these before it has received the first refusal.
  const ids = Array.from({ length: 14 }, (_, n) => `${n}`)
  client.send(...ids.map((id) => send(id, 'bob', 'x'.repeat(15_000))))
  const received = await answers(client, ids.length)
  const firstRefused = ids.findIndex((id) => received.includes(`refused ${id}`))
  assert.ok(firstRefused > 0)
  assert.deepEqual(
    ids.slice(firstRefused).filter((id) => received.includes(`sent ${id}`)),
    [],
  )
})

for (const engine of [{ type: 'memory' }, { type: 'embedded', path }] satisfies GatewayConfig['engine'][])
  test(`if the app’s quota is used up, a small message does not overtake a large one (${engine.type})`, async () => {
    const { url } = await startGateway({ limits: { bytes: 8_000 } }, { engine })
    const client = await startAs(url, 'ada')
    client.send(send('large', 'bob', 'x'.repeat(8_000)), send('small'))
    assert.deepEqual(await answers(client, 2), ['refused large', 'refused small'])
    await answerPings(client)
    client.send(send('small'))
    assert.deepEqual(await answers(client, 1), ['sent small'])
  })
