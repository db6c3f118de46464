import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { VERSION } from '../../src/protocol/index.js'
import { startProxy } from '../support/network/proxy.js'
import { startScript } from './scripted.js'
import { info } from './machine/states.js'
import { newSession, nextEvent, reaches, startFake, statesOf } from '../support/clients/client-sessions.js'
import { startGateway } from '../support/gateway.js'
import { tokenFor } from '../support/tokens.js'

const started = { ...info, expiresIn: null }

const gateway = await startGateway()

test('a connection that is cut is made again, and the session is active again', async () => {
  const proxy = await startProxy(gateway.url)
  const session = newSession({ endpoint: proxy.url, token: await tokenFor('ann') })
  await session.start()
  const states = statesOf(session)
  session.addEventListener('user', () => assert.fail('the user is the same'))
  for (let round = 0; round < 3; round += 1) {
    const lost = nextEvent(session, 'state', ({ detail }) => detail.state === 'reconnecting')
    proxy.cut()
    const { detail } = await lost
    assert.equal(detail.previous, 'active')
    assert.equal(detail.error?.code, 'unavailable')
    assert.equal(detail.error.retryable, true)
    assert.deepEqual(session.user, { id: 'ann' }, 'the session keeps its user')
    assert.equal(session.transport, null)
    await reaches(session, 'active')
    assert.equal(session.transport, 'websocket')
  }
  assert.deepEqual(states, ['reconnecting', 'active', 'reconnecting', 'active', 'reconnecting', 'active'])
})

test('a guest stays the same guest over a reconnect, and with messages over a restart', async () => {
  const proxy = await startProxy(gateway.url)
  const session = newSession({ endpoint: proxy.url, guest: true })
  await session.start()
  const id = session.user?.id
  assert.match(id ?? '', /^guest:.+/)
  const lost = nextEvent(session, 'state', ({ detail }) => detail.state === 'reconnecting')
  proxy.cut()
  await lost
  await reaches(session, 'active')
  assert.equal(session.user?.id, id)
  await session.send({ to: 'ann', body: 'Hello' })
  await session.end()
  await session.start()
  assert.equal(session.user?.id, id)
  assert.equal(session.guest, true)
})

test('the start is in the handshake, and no URL has a token', async () => {
  const proxy = await startProxy(gateway.url)
  const token = await tokenFor('ann')
  const session = newSession({ endpoint: proxy.url, token })
  await session.start()
  await session.end()
  assert.equal(proxy.heads.length, 1)
  const [request = '', ...headers] = (proxy.heads[0] ?? '').split('\r\n')
  assert.match(request, /^GET \/v1\/session HTTP\/1\.1$/)
  const offered = headers.find((header) => /^sec-websocket-protocol:/i.test(header)) ?? ''
  const start = /start\.([\w-]+)/.exec(offered)?.[1] ?? ''
  assert.deepEqual(JSON.parse(Buffer.from(start, 'base64url').toString()), {
    type: 'start',
    appId: 'app',
    token,
    client: `chat-session/${VERSION}`,
  })
})

test('a server that does not speak this protocol fails the start', async () => {
  const endpoint = await startFake((socket) => socket.send('HELLO'))
  const result = await newSession({ endpoint, token: 'a.b.c' }).start()
  assert.equal(result.failed && result.error.code, 'protocol-error')
})

test('a reconnect leaves no listener behind', async () => {
  const signals = new Set<AbortSignal>()
  const { addEventListener } = AbortSignal.prototype
  AbortSignal.prototype.addEventListener = function (this: AbortSignal, ...given: [string, never]) {
    signals.add(this)
    addEventListener.apply(this, given)
  }
  const listeners = (): number =>
    Math.max(...[...signals].map((signal) => getEventListeners(signal, 'abort').length))
  try {
    const { endpoint, connection } = await startScript(() => [started])
    const session = newSession({ endpoint, token: 'a.b.c' })
    await session.start()
    const counts = []
    for (let round = 0; round < 3; round += 1) {
      const lost = nextEvent(session, 'state', ({ detail }) => detail.state === 'reconnecting')
      const { socket } = await connection(round)
      socket.close(4503)
      await lost
      await reaches(session, 'active')
      counts.push(listeners())
    }
    assert.deepEqual(counts, Array(3).fill(counts[0]))
    await session.end()
  } finally {
    AbortSignal.prototype.addEventListener = addEventListener
  }
})
