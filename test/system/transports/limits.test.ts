// Limits of WebSockets. Plain connections are counted on Node only.
import assert from 'node:assert/strict'
import { startOf } from '../../support/starts.js'
import {
  handshake,
  openClient,
  openRaw,
  startClient,
  startProtocol,
  type Client,
} from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { serveOnBoth, testOnBoth } from './serve.js'

/** Milliseconds. None of these tests takes as long. */
const startTimeout = 60

const few = await serveOnBoth({ startTimeout, limits: { connections: 3 } })
const fewEach = await serveOnBoth({ startTimeout, limits: { connectionsPerAddress: 2 } })
const slow = await serveOnBoth({ startTimeout, limits: { connectionsPerSecondPerAddress: 1 } })
const proxied = await serveOnBoth({
  startTimeout,
  listen: { port: 0, trustProxy: 1 },
  limits: { connectionsPerAddress: 1 },
})
const untrusting = await serveOnBoth({ startTimeout, limits: { connectionsPerAddress: 1 } })

/** How many connections are left for the clients of a test. */
const ROOM = 40
const left = await serveOnBoth({
  startTimeout,
  limits: { connections: ROOM, connectionsPerAddress: 1_000, connectionsPerSecondPerAddress: 1_000 },
})

const open = async (url: string, headers: Record<string, string> = {}): Promise<Client> => {
  const client = openClient(url, { headers })
  await client.opened
  return client
}

testOnBoth(
  'beyond `connections` the oldest socket without a session makes room, else the new one ends',
  async (runtime) => {
    const url = few(runtime)
    const live = await startClient(url, await startOf('ada'))
    const [first, second] = [await open(url), await open(url)]
    const third = openClient(url, { start: await startOf('eve') })
    const end = await first.end()
    assert.deepEqual([end.code, end.frame['code']], [4503, 'unavailable'])
    assert.equal(typeof end.frame['retryAfter'], 'number')
    await third.next('started')
    second.send(await startOf('bob'))
    await second.next('started')
    assert.equal((await openClient(url, { start: await startOf('zoe') }).end()).code, 4503)
    // A socket that closes makes room, once the gateway has noticed the close.
    live.send({ type: 'end' })
    await live.end()
    const start = await startOf('zoe')
    await until('room for one more', async () => {
      const later = openClient(url, { start })
      const isStarted = await Promise.race([
        later.next('started').then(() => true),
        later.closed.then(() => false),
      ])
      later.close()
      return isStarted
    })
    for (const client of [second, third]) client.close()
  },
)

testOnBoth('beyond `connectionsPerAddress` the end is rate-limited', async (runtime) => {
  const url = fewEach(runtime)
  const clients = [await startClient(url, await startOf('ada')), await startClient(url, await startOf('bob'))]
  const end = await openClient(url, { start: await startOf('eve') }).end()
  assert.deepEqual([end.code, end.frame['code']], [4529, 'rate-limited'])
  for (const client of clients) client.close()
})

testOnBoth('beyond `connectionsPerSecondPerAddress` the end is rate-limited', async (runtime) => {
  const url = slow(runtime)
  const start = await startOf('ada')
  const clients = Array.from({ length: 4 }, () => openClient(url, { start }))
  const ends = await Promise.all(
    clients.map((client) =>
      Promise.race([client.next('started').then(() => 'started'), client.closed.then(({ code }) => code)]),
    ),
  )
  assert.ok(ends.includes('started'), String(ends))
  assert.ok(ends.includes(4529), String(ends))
  for (const client of clients) client.close()
})

testOnBoth('with `trustProxy` the limits are of the address that the proxy saw', async (runtime) => {
  const url = proxied(runtime)
  const from = (address: string) => ({ 'X-Forwarded-For': `10.9.9.9, ${address}` })
  const start = await startOf('ada')
  const clients = [
    await startClient(url, start, { headers: from('203.0.113.1') }),
    await startClient(url, start, { headers: from('203.0.113.2') }),
  ]
  const end = await openClient(url, { start, headers: from('203.0.113.1') }).end()
  assert.equal(end.code, 4529)
  for (const client of clients) client.close()
})

testOnBoth('the address of a proxy counts for no limit, although `trustProxy` is 0', async (runtime) => {
  const headers = { 'X-Forwarded-For': '203.0.113.1' }
  const start = await startOf('ada')
  const clients = []
  for (let count = 0; count < 3; count += 1)
    clients.push(await startClient(untrusting(runtime), start, { headers }))
  for (const client of clients) client.close()
})

testOnBoth('clients that leave before their handshake is answered take up no room', async (runtime) => {
  const url = left(runtime)
  const start = startProtocol(await startOf('ada'))
  const offers = `chat-session.v1, ${start}`
  // These are more connections than the gateway answers in one turn.
  const leaving = await Promise.all(Array.from({ length: 2 * ROOM }, () => openRaw(url)))
  for (const { socket } of leaving)
    socket.write(handshake({ 'Sec-WebSocket-Protocol': offers }), () => socket.destroy())
  await Promise.all(leaving.map(({ closed }) => closed))
  const frames = await Promise.all(Array.from({ length: ROOM }, (_, index) => startOf(`user-${index}`)))
  await until('room for all', async () => {
    const clients = frames.map((frame) => openClient(url, { start: frame }))
    const started = await Promise.all(
      clients.map((client) =>
        Promise.race([client.next('started').then(() => true), client.closed.then(() => false)]),
      ),
    )
    for (const client of clients) client.close()
    await Promise.all(clients.map(({ closed }) => closed))
    return started.every(Boolean)
  })
})
