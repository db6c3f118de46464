// How a session ends: by `end()`, a signal, or a new start.
import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { mock, test } from 'node:test'
import { WebSocket as NodeWebSocket } from 'ws'
import type { ChatSession, StartResult } from '../../src/session/index.js'
import { internalsOf } from './internals-of.js'
import { startProxy } from '../support/network/proxy.js'
import { started, startScript } from './scripted.js'
import { freePort } from '../support/network/free-port.js'
import { codeOf, eventually, newSession, statesOf, WebSocket } from '../support/clients/client-sessions.js'
import { startGateway } from '../support/gateway.js'
import { tokenFor } from '../support/tokens.js'

const gateway = await startGateway()
const endpoint = gateway.url

test('a running session is not started a second time, and goes on', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  const states = statesOf(session)
  const results = await Promise.all([session.start(), session.start()])
  assert.deepEqual(results.map(codeOf), ['succeeded', 'succeeded'])
  assert.deepEqual(states, ['starting', 'active'])
  assert.equal(codeOf(await session.start()), 'session-active')
  assert.equal(session.state, 'active')
})

test('a session whose WebSocket throws when it is closed ends, and rejects nothing that nobody handles', async (t) => {
  const sockets: NodeWebSocket[] = []
  class ThrowingWebSocket extends NodeWebSocket {
    constructor(...given: ConstructorParameters<typeof NodeWebSocket>) {
      super(...given)
      sockets.push(this)
    }
    override close(): void {
      throw new TypeError('close() is not possible now')
    }
  }
  t.after(() => sockets.forEach((socket) => socket.terminate()))
  const rejections: unknown[] = []
  const note = (reason: unknown): unknown => rejections.push(reason)
  process.on('unhandledRejection', note)
  t.after(() => process.off('unhandledRejection', note))
  const session = newSession({
    endpoint,
    token: await tokenFor('ann'),
    WebSocket: ThrowingWebSocket,
  })
  assert.equal(codeOf(await session.start()), 'succeeded')
  await session.end()
  assert.equal(session.state, 'ended')
  // Node reports a rejection at the end of its turn.
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(rejections, [])
})

test('the log-out is reported once, by the first `end()`, also if the session was closed before or a listener calls it again', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  let count = 0
  session.addEventListener('logout', () => {
    count += 1
    void session.end()
  })
  for (const expected of [1, 2]) {
    assert.equal(codeOf(await session.start()), 'succeeded')
    await internalsOf(session).close()
    assert.equal(count, expected - 1)
    await session.end()
    await session.end()
    assert.equal(count, expected)
  }
})

test('ending before the handshake is answered ends the session at the gateway too', async () => {
  const { endpoint, connection } = await startScript()
  const session = newSession({ endpoint, token: 'a.b.c' })
  void session.start()
  await session.end()
  const { start, of } = await connection(0)
  assert.equal(start.token, 'a.b.c')
  await eventually(() => of('end').length === 1)
})

test('a token that is set before `started` arrives ends the session that the first start may have begun', async () => {
  const { endpoint, connection } = await startScript(() => [])
  const sockets: WebSocket[] = []
  class Seen extends WebSocket {
    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given)
      sockets.push(this)
    }
  }
  const session = newSession({ endpoint, token: 'a.b.c', WebSocket: Seen })
  void session.start()
  await eventually(() => sockets[0]?.readyState === WebSocket.OPEN)
  session.setToken('d.e.f')
  const [first, second] = [await connection(0), await connection(1)]
  assert.deepEqual([first.start.token, second.start.token], ['a.b.c', 'd.e.f'])
  await eventually(() => first.socket.readyState === WebSocket.CLOSED)
  assert.equal(first.of('end').length, 1)
  assert.equal(second.of('end').length, 0)
})

test('ending waits a second for a handshake that is never answered, and gives it up after five', async () => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) =>
    sockets.add(socket.resume().on('close', () => sockets.delete(socket))),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const session = newSession({ endpoint: `http://127.0.0.1:${port}`, token: 'a.b.c' })
  // The mocked clearTimeout could not clear the timer of a start that still waits.
  assert.equal(codeOf(await session.start({ timeout: 10 })), 'unavailable')
  await eventually(() => sockets.size === 1)
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.now() })
  try {
    const ended = session.end()
    mock.timers.tick(1_000)
    await ended
    assert.equal(session.state, 'ended')
    assert.equal(sockets.size, 1)
    mock.timers.tick(4_000)
  } finally {
    mock.timers.reset()
  }
  await eventually(() => sockets.size === 0)
  server.close()
})

test('a signal that aborts ends a start; one that had aborted starts nothing', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  const states = statesOf(session)
  assert.equal(codeOf(await session.start({ signal: AbortSignal.abort() })), 'ended')
  assert.deepEqual(states, [])
  const abort = new AbortController()
  const start = session.start({ signal: abort.signal })
  abort.abort()
  assert.equal(codeOf(await start), 'ended')
  assert.deepEqual(states, ['starting', 'ended'])
})

test('a signal that aborts once the session has started does not end it', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  const abort = new AbortController()
  assert.equal(codeOf(await session.start({ signal: abort.signal })), 'succeeded')
  abort.abort()
  assert.equal(session.state, 'active')
})

test('a signal that aborts after the timeout of the start still ends the session', async () => {
  const session = newSession({
    endpoint: `http://127.0.0.1:${await freePort()}`,
    token: await tokenFor('ann'),
  })
  const abort = new AbortController()
  assert.equal(codeOf(await session.start({ timeout: 10, signal: abort.signal })), 'unavailable')
  abort.abort()
  assert.equal(session.state, 'ended')
})

test('a listener may end the session and start it again', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  let second: Promise<StartResult> | undefined
  session.addEventListener('state', ({ detail }) => {
    if (detail.state === 'active' && !second) void session.end()
    if (detail.state === 'ended') second ??= session.start()
  })
  assert.equal(codeOf(await session.start()), 'succeeded')
  assert.ok(second)
  assert.equal(codeOf(await second), 'succeeded')
})

test('the close of an older socket does not affect a session that was started again', async () => {
  const proxy = await startProxy(endpoint)
  const session = newSession({ endpoint: proxy.url, token: await tokenFor('nina') })
  const states = statesOf(session)
  await session.start()
  const { sessionId: id } = session
  void session.end()
  assert.equal(codeOf(await session.start()), 'succeeded')
  assert.notEqual(session.sessionId, id)
  // Only the two ends of the new connection are left.
  await eventually(() => proxy.open() === 2)
  await session.setProfile({ name: 'Nina' })
  assert.equal(session.user?.name, 'Nina')
  assert.deepEqual(states, ['starting', 'active', 'ended', 'starting', 'active'])
})

test('`await using` ends a session', async () => {
  const session: ChatSession = newSession({ endpoint, token: await tokenFor('ann') })
  await session.start()
  await session[Symbol.asyncDispose]()
  assert.equal(session.state, 'ended')
})

test('a session that ends says that nothing is unread, and a listener that ends it gets the end as the last word', async () => {
  const script = await startScript(() => [started({ unread: 2 })])
  const session = newSession({ endpoint: script.endpoint, token: await tokenFor('ann') })
  const counts: number[] = []
  session.addEventListener('unread', ({ detail }) => counts.push(detail.unread))
  await session.start()
  await session.end()
  assert.deepEqual(counts, [2, 0])
  session.addEventListener('state', ({ detail }) => {
    if (detail.state === 'active') void session.end()
  })
  await session.start()
  assert.deepEqual(counts, [2, 0, 0])
})
