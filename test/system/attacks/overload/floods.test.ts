// Users who send more than their app's limits, on real sockets. Other users on the same gateway must not notice.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient, startClient, type Frame, roundTrip } from '../../../support/raw-client.js'
import { until } from '../../../support/until.js'
import { assemble } from '../../../support/gateway/assembled-gateway.js'
import { startGateway } from '../../../support/gateway.js'
import { startOf } from '../../../support/starts.js'
import { tokenFor } from '../../../support/tokens.js'

/** A frame that costs much to parse and is refused. */
const large = (): Frame => ({ type: 'send', id: 'a', to: 'bob', body: 'x'.repeat(60_000) })

const isLimited = ({ type, code, retryAfter }: Frame): boolean =>
  type === 'refused' && code === 'rate-limited' && Number(retryAfter) > 0

test('a client that sends ten seconds’ worth of bytes too much ends with 4529 rate-limited; other users are answered', async () => {
  const { url } = await startGateway({ limits: { bytesPerSecond: 16_384 } })
  const [flood, other] = [
    await startClient(url, await startOf('ada')),
    await startClient(url, await startOf('bob')),
  ]
  flood.send(...Array.from({ length: 20 }, large))
  const { code, reason, frame } = await flood.end()
  assert.deepEqual([code, reason, frame['retryable']], [4529, 'rate-limited', true])
  assert.ok(Number(frame['retryAfter']) > 0)
  await roundTrip(other)
  assert.ok(flood.frames.filter(({ type }) => type === 'refused').length < 5, 'most frames were not parsed')
  other.close()
})

test('all connections of a user share the bytes', async () => {
  const { url } = await startGateway({ limits: { bytesPerSecond: 16_384 } })
  const start = await startOf('ada')
  const floods = await Promise.all(Array.from({ length: 5 }, () => startClient(url, start)))
  for (const flood of floods) flood.send(large())
  // One frame uses up 3.7 seconds of the budget. If each connection had a budget of its own, all frames would be refused and no
  // connection would end.
  const ends = await Promise.race(floods.map((flood) => flood.end()))
  assert.equal(ends.code, 4529)
  for (const flood of floods) flood.close()
})

test('pongs that nothing asked for count, too', async () => {
  const { url } = await startGateway({ limits: { bytesPerSecond: 1_024 } })
  const client = await startClient(url, await startOf('ada', {}), { pongs: false })
  client.send(...Array.from({ length: 1_000 }, () => ({ type: 'pong' })))
  assert.equal((await client.end()).code, 4529)
})

test('a client that sends a burst beyond its bytes is slowed down, and everything is stored', async () => {
  const { url } = await startGateway({ limits: { bytesPerSecond: 65_536, messagesPerSecond: 1_000 } })
  const client = await startClient(url, await startOf('ada'))
  const ids = Array.from({ length: 20 }, (_, index) => `${index}`)
  client.send(...ids.map((id) => ({ type: 'send', id, to: 'bob', body: 'x'.repeat(15_000) })))
  for (const id of ids) assert.equal((await client.next('sent'))['id'], id)
  client.close()
})

test('a client whose socket is paused is not taken for dead', async () => {
  const { url } = await startGateway({ limits: { bytesPerSecond: 16_384 } }, { pingInterval: 0.2 })
  const client = await startClient(url, await startOf('ada'))
  client.send(large())
  assert.equal((await client.next('refused'))['code'], 'too-large')
  await roundTrip(client)
  client.close()
})

test('a client whose start is beyond its bytes is not taken for dead while its socket is paused', async () => {
  const { url } = await startGateway({ limits: { bytesPerSecond: 2_048 } }, { pingInterval: 0.1 })
  const client = await startClient(url, await startOf('ada', { user: { name: 'x'.repeat(3_000) } }))
  await roundTrip(client)
  client.close()
})

test('a paused socket does not hold up the end of its connection', async () => {
  const { url, gateway } = await startGateway({ limits: { bytesPerSecond: 16_384 } })
  const client = await startClient(url, await startOf('ada'))
  client.send(large())
  await client.next('refused')
  const closing = gateway.close()
  assert.equal((await client.end()).code, 4503)
  await closing
})

const requests: Record<string, (index: number) => Promise<Frame>> = {
  token: async () => ({ type: 'token', token: await tokenFor('ada') }),
  profile: (index) => Promise.resolve({ type: 'profile', user: { name: `${index}` } }),
  history: (index) => Promise.resolve({ type: 'history', id: `${index}`, epoch: 'none' }),
  read: () => Promise.resolve({ type: 'read', epoch: 'none', offset: 0 }),
  watch: () => Promise.resolve({ type: 'watch', users: ['bob'] }),
}
for (const [type, make] of Object.entries(requests))
  test(`more \`${type}\` frames than requestsPerSecond are refused as rate-limited, on all connections of the user`, async () => {
    const { url } = await startGateway({ limits: { requestsPerSecond: 5 } })
    const other = await startClient(url, await startOf('bob'))
    const clients = [
      await startClient(url, await startOf('ada')),
      await startClient(url, await startOf('ada')),
    ]
    const frames = await Promise.all(Array.from({ length: 30 }, (_, index) => make(index)))
    for (const client of clients) client.send(...frames)
    const limited = () => clients.flatMap((client) => client.frames.filter(isLimited))
    // Five are accepted at once, and five more for each second that the machine takes.
    await until('most of 60 frames are refused', () => limited().length >= 30)
    await roundTrip(other)
    for (const client of [...clients, other]) client.close()
  })

test('more starts of one user than requestsPerSecond end with 4529 rate-limited; another user starts', async () => {
  const { url } = await startGateway({ limits: { requestsPerSecond: 5 } })
  const start = await startOf('ada')
  const clients = Array.from({ length: 40 }, () => openClient(url, { start }))
  const first = await Promise.all(clients.map((client) => client.next()))
  const refused = first.filter(({ type }) => type === 'ended')
  assert.ok(refused.length >= 20, `${refused.length} were refused`)
  for (const { code, retryable, retryAfter } of refused) {
    assert.deepEqual([code, retryable], ['rate-limited', true])
    assert.ok(Number(retryAfter) > 0)
  }
  const other = await startClient(url, await startOf('bob'))
  for (const client of [...clients, other]) client.close()
})

test('more `visibility` frames than requestsPerSecond are few calls of the engine, and the latest state is stored', async () => {
  const calls: boolean[] = []
  const { url, engine } = await assemble(
    (memory) => ({
      setHidden(session, connectionId, hidden) {
        calls.push(hidden)
        return memory.setHidden(session, connectionId, hidden)
      },
    }),
    undefined,
    { requestsPerSecond: 5 },
  )
  const client = await startClient(url, await startOf('ada'))
  for (const last of [true, false]) {
    for (let index = 0; index < 100; index++) client.send({ type: 'visibility', hidden: index % 2 === 0 })
    client.send({ type: 'visibility', hidden: last })
    await roundTrip(client)
    await until(
      'the latest state is stored',
      async () => (await engine.sessions({ appId: 'app', userId: 'ada' }))[0]?.hidden,
      last,
    )
  }
  // Five each second, and this machine may be slow.
  assert.ok(calls.length < 50, `${calls.length} calls`)
  // The engine is not given the state that it has already.
  for (const [index, hidden] of calls.entries()) assert.notEqual(hidden, calls[index - 1])
  client.close()
})
