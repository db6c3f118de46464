import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { mock, test } from 'node:test'
import { SessionError, type ChatSession, type StartResult } from '../../src/session/index.js'
import { createSignature } from '../../src/tokens/index.js'
import { startProxy } from '../support/proxy.js'
import { startScript } from './scripted.js'
import {
  eventually,
  newSession,
  nextEvent,
  portOf,
  reaches,
  secret,
  startGateway,
  statesOf,
  tokenFor,
  WebSocket,
} from './support.js'

const gateway = await startGateway({
  signatureSecrets: ['another secret of at least 32 bytes'],
  authenticate: ({ authParams }) => Promise.resolve({ ok: authParams['password'] === 'right' }),
})
const endpoint = gateway.url

const codeOf = (result: StartResult): string => (result.failed ? result.error.code : 'succeeded')

/** An address on this machine without a server. */
const nobodysPort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('a start with a valid token succeeds, and the session has its user', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann'), user: { id: 'ann', name: 'Ann' } })
  const states = statesOf(session)
  assert.equal(session.state, 'idle')
  assert.equal(session.user, null)
  const result = await session.start()
  assert.ok(result.succeeded && !result.failed)
  assert.equal(result.session, session)
  assert.deepEqual(session.user, { id: 'ann', name: 'Ann' })
  assert.equal(session.guest, false)
  assert.equal(session.error, null)
  assert.ok(session.id)
  await session.end()
  assert.equal(session.id, null)
  assert.equal(session.user, null)
  assert.deepEqual(states, ['starting', 'active', 'ended'])
})

test('each kind of credentials starts a session', async () => {
  const signature = await createSignature('ann', 'another secret of at least 32 bytes')
  const ways = {
    signature: { signature, user: { id: 'ann' } },
    authParams: { authParams: { password: 'right' }, user: { id: 'ann' } },
    guest: { guest: true },
    'a fetched token': { tokenFetcher: () => tokenFor('ann') },
    'a token given at once by its fetcher': {
      tokenFetcher: (
        (token) => () =>
          token
      )(await tokenFor('ann')),
    },
  }
  for (const [way, credentials] of Object.entries(ways)) {
    const session = newSession({ endpoint, ...credentials })
    assert.equal(codeOf(await session.start()), 'succeeded', way)
    assert.equal(session.guest, way === 'guest')
    await session.end()
  }
})

test('a user id given as a number is the same as text', async () => {
  const session = newSession({ endpoint, token: await tokenFor('12345'), user: { id: 12345 } })
  assert.equal(codeOf(await session.start()), 'succeeded')
  assert.equal(session.user?.id, '12345')
  await session.end()
})

test('a start that is refused fails with the code and the sentence of the gateway', async () => {
  const refused = {
    unauthenticated: { token: `${await tokenFor('ann')}x` },
    'unknown-app': { token: await tokenFor('ann'), appId: 'unknown' },
    'bad-request': { token: await tokenFor('ann'), user: { id: 'bob' } },
  }
  for (const [code, options] of Object.entries(refused)) {
    const session = newSession({ endpoint, ...options })
    const states = statesOf(session)
    const result = await session.start()
    assert.ok(result.failed)
    assert.ok(result.error instanceof SessionError)
    assert.equal(result.error.code, code)
    assert.equal(result.error.retryable, false)
    assert.ok(result.error.message.length > 20)
    assert.deepEqual(states, ['starting', 'failed'])
    assert.equal(session.error?.code, code)
  }
})

test('wrong auth params fail the start', async () => {
  const session = newSession({ endpoint, authParams: { password: 'wrong' }, user: { id: 'ann' } })
  assert.equal(codeOf(await session.start()), 'unauthenticated')
})

test('refused credentials that no source can replace are sent again by the next start', async () => {
  const session = newSession({ endpoint, token: 'a.b.c' })
  assert.equal(codeOf(await session.start()), 'unauthenticated')
  assert.equal(codeOf(await session.start()), 'unauthenticated')
})

test('a start without an endpoint, with a bad one, or without credentials fails with its code', async () => {
  const token = await tokenFor('ann')
  const bad = [
    'ftp://example.com',
    'not an address',
    'https://user:password@example.com',
    '/relative',
    'javascript:0',
  ]
  assert.equal(codeOf(await newSession({ endpoint: '', token }).start()), 'no-endpoint')
  for (const address of bad)
    assert.equal(codeOf(await newSession({ endpoint: address, token }).start()), 'bad-endpoint', address)
  assert.equal(codeOf(await newSession({ endpoint }).start()), 'no-credentials')
  assert.equal(codeOf(await newSession({ endpoint, token: '', signature: null }).start()), 'no-credentials')
})

test('without a WebSocket the start fails as no-websocket', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann'), WebSocket: undefined })
  const result = await session.start()
  assert.ok(result.failed)
  assert.equal(result.error.code, 'no-websocket')
  assert.match(result.error.message, /option `WebSocket`/)
})

test('an endpoint may be a URL, of ws: too, and in a folder', async () => {
  const token = await tokenFor('ann')
  for (const address of [
    new URL(endpoint),
    endpoint.replace('http', 'ws'),
    `${endpoint}/`,
    `${endpoint}/?a=b#c`,
  ]) {
    const session = newSession({ endpoint: address, token })
    assert.equal(codeOf(await session.start()), 'succeeded', String(address))
    await session.end()
  }
})

test('a running session is not started a second time, and goes on', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  const first = session.start()
  assert.equal(codeOf(await session.start()), 'session-active')
  assert.equal(codeOf(await first), 'succeeded')
  assert.equal(codeOf(await session.start()), 'session-active')
  assert.equal(session.state, 'active')
  await session.end()
})

test('ending while starting ends the session and resolves the start', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  const start = session.start()
  const end = session.end()
  assert.equal(codeOf(await start), 'ended')
  await end
  assert.equal(session.state, 'ended')
  assert.equal(session.error, null)
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
  await session.end()
})

test('ending waits a second for a handshake that is never answered, and gives it up after five', async () => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) =>
    sockets.add(socket.resume().on('close', () => sockets.delete(socket))),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const session = newSession({ endpoint: `http://127.0.0.1:${port}`, token: 'a.b.c' })
  void session.start()
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

test('a session that has ended can be started again, and ended twice', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  const ids = new Set<string | null>()
  for (let round = 0; round < 3; round += 1) {
    assert.equal(codeOf(await session.start()), 'succeeded')
    ids.add(session.id)
    await Promise.all([session.end(), session.end()])
    await session.end()
    assert.equal(session.state, 'ended')
  }
  assert.equal(ids.size, 3)
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
  await session.end()
})

test('a start fails as unavailable after its timeout, and the session goes on connecting', async () => {
  const port = await nobodysPort()
  const session = newSession({ endpoint: `http://127.0.0.1:${port}`, token: await tokenFor('ann') })
  const retried = nextEvent(session, 'state', ({ detail }) => detail.retryAt !== null)
  const result = await session.start({ timeout: 50 })
  assert.ok(result.failed)
  assert.equal(result.error.code, 'unavailable')
  assert.equal(result.error.retryable, true)
  assert.equal(session.state, 'starting')
  const { detail } = await retried
  assert.equal(detail.error?.code, 'unavailable')
  const late = await startGateway({}, { listen: { port } })
  assert.equal(portOf(late.url), port)
  await reaches(session, 'active')
  await session.end()
  await late.close()
})

test('a signal that aborts after the timeout of the start still ends the session', async () => {
  const session = newSession({
    endpoint: `http://127.0.0.1:${await nobodysPort()}`,
    token: await tokenFor('ann'),
  })
  const abort = new AbortController()
  assert.equal(codeOf(await session.start({ timeout: 10, signal: abort.signal })), 'unavailable')
  abort.abort()
  assert.equal(session.state, 'ended')
})

test('a profile too large for the header is in the first frame', async () => {
  const custom = { story: 'x'.repeat(3_900) }
  const session = newSession({ endpoint, token: await tokenFor('ann'), user: { name: 'Ann', custom } })
  assert.equal(codeOf(await session.start()), 'succeeded')
  assert.deepEqual(session.user, { id: 'ann', name: 'Ann', custom })
  await session.end()
})

test('a listener that throws is reported, and the session goes on', async () => {
  const reported: unknown[] = []
  const session = newSession({ endpoint, token: await tokenFor('ann') })
  for (const type of ['state', 'user'] as const)
    session.addEventListener(type, () => {
      throw new Error(`from the page's ${type}`)
    })
  // In Node an exception of a listener is an uncaught exception; browsers report it to `window.onerror`.
  process.setUncaughtExceptionCaptureCallback((error) => reported.push(error))
  try {
    assert.equal(codeOf(await session.start()), 'succeeded')
    await session.end()
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.setUncaughtExceptionCaptureCallback(null)
  }
  assert.equal(session.state, 'ended')
  assert.deepEqual(reported.map(String).sort(), [
    ...Array<string>(3).fill("Error: from the page's state"),
    "Error: from the page's user",
  ])
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
  await session.end()
})

test('the close of an older socket does not affect a session that was started again', async () => {
  const proxy = await startProxy(endpoint)
  const session = newSession({ endpoint: proxy.url, token: await tokenFor('nina') })
  const states = statesOf(session)
  await session.start()
  const { id } = session
  void session.end()
  assert.equal(codeOf(await session.start()), 'succeeded')
  assert.notEqual(session.id, id)
  // Only the two ends of the new connection are left.
  await eventually(() => proxy.open() === 2)
  const answered = nextEvent(session, 'user')
  session.setProfile({ name: 'Nina' })
  await answered
  assert.deepEqual(states, ['starting', 'active', 'ended', 'starting', 'active'])
  await session.end()
})

test('`await using` ends a session', async () => {
  const session: ChatSession = newSession({ endpoint, token: await tokenFor('ann') })
  await session.start()
  await session[Symbol.asyncDispose]()
  assert.equal(session.state, 'ended')
})

test('the error of a failed start has no secret and no token', async () => {
  const token = await tokenFor('ann')
  const result = await newSession({ endpoint, token: `${token}x` }).start()
  assert.ok(result.failed)
  for (const secretText of [token, secret])
    assert.ok(!JSON.stringify([result.error, result.error.message]).includes(secretText))
})
