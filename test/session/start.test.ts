import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SessionError } from '../../src/session/index.js'
import { createSignature } from '../../src/tokens/index.js'
import { freePort } from '../support/network/free-port.js'
import {
  codeOf,
  newSession,
  nextEvent,
  portOf,
  reaches,
  statesOf,
} from '../support/clients/client-sessions.js'
import { secret, tokenFor } from '../support/tokens.js'
import { startGateway } from '../support/gateway.js'
import { startScripted } from './scripted.js'

const gateway = await startGateway({
  signatureSecrets: ['another secret of at least 32 bytes'],
  authenticate: ({ authParams }) => Promise.resolve({ ok: authParams['password'] === 'right' }),
})
const endpoint = gateway.url

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
  assert.ok(session.sessionId)
  await session.end()
  assert.equal(session.sessionId, null)
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

test('auth params that JSON can’t write fail the start, and others start the session again', async () => {
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  for (const authParams of [{ password: 1n }, circle]) {
    const session = newSession({ endpoint, authParams, user: { id: 'ann' } })
    assert.equal(codeOf(await session.start()), 'bad-request')
    assert.equal(session.state, 'failed')
    assert.ok(session.error?.cause instanceof TypeError)
    session.setCredentials({ authParams: { password: 'right' } })
    assert.equal((await session.start()).succeeded, true)
  }
})

test('auth params that JSON can’t write end a session that sends its next start as a frame, and others start it again', async () => {
  const { session, send, socket } = await startScripted()
  session.setCredentials({ authParams: { password: 1n } })
  const over = reaches(session, 'ended')
  send({ type: 'ended', code: 'timeout', message: 'The gateway heard nothing.', retryable: true })
  socket.close(4508)
  await over
  assert.equal(session.error?.code, 'bad-request')
  session.setCredentials({ authParams: { password: 'right' } })
  await reaches(session, 'active')
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

test('without a WebSocket a stream carries the session, and a session that may use no stream fails as no-websocket', async (t) => {
  // Node has one from version 22 on.
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  if (own) {
    Reflect.deleteProperty(globalThis, 'WebSocket')
    t.after(() => Object.defineProperty(globalThis, 'WebSocket', own))
  }
  const options = { endpoint, token: await tokenFor('ann'), WebSocket: undefined }
  const session = newSession(options)
  assert.ok((await session.start()).succeeded)
  assert.equal(session.transport, 'stream')
  await session.end()
  const result = await newSession({ ...options, transports: 'websocket' }).start()
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

test('a start fails as unavailable after its timeout, and the session goes on connecting', async () => {
  const port = await freePort()
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

test('a profile too large for the header is in the first frame', async () => {
  const custom = { story: 'x'.repeat(3_900) }
  const session = newSession({ endpoint, token: await tokenFor('ann'), user: { name: 'Ann', custom } })
  assert.equal(codeOf(await session.start()), 'succeeded')
  assert.deepEqual(session.user, { id: 'ann', name: 'Ann', custom })
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

test('the error of a failed start has no secret and no token', async () => {
  const token = await tokenFor('ann')
  const result = await newSession({ endpoint, token: `${token}x` }).start()
  assert.ok(result.failed)
  for (const secretText of [token, secret])
    assert.ok(!JSON.stringify([result.error, result.error.message]).includes(secretText))
})
