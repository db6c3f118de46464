// Sessions in networks that do not let WebSockets through.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { newSession, nextEvent, reaches, statesOf } from '../../../support/clients/client-sessions.js'
import { startGateway } from '../../../support/gateway.js'
import { startHostileProxy, type UpgradeMode } from '../../../support/network/hostile-proxy.js'
import { tokenFor } from '../../../support/tokens.js'
import { until } from '../../../support/until.js'

const gateway = await startGateway()

/** Milliseconds for what the design says takes 6 s at most, on a busy machine. */
const timeout = 25_000

const modes: UpgradeMode[] = ['swallow', 200, 403, 426, 503, 'reset', 'silent-101', 'up-only']

class ThrowingWebSocket extends WebSocket {
  override close(): void {
    throw new TypeError('close() is not possible now')
  }
}

class MuteWebSocket extends WebSocket {
  override close(): void {
    this.terminate()
    this.onclose = null
  }
}

// Some at the same time, because each waits for what a page waits for: up to ten seconds for an answer that never comes.
void describe('in a network that hinders WebSockets', { concurrency: 4 }, () => {
  void it('a session is active by a stream, whatever the network does to WebSockets', async () => {
    await Promise.all(
      modes.map(async (upgrades, index) => {
        const proxy = await startHostileProxy(gateway.url, { upgrades })
        const user = `user-${index}`
        const session = newSession({ endpoint: proxy.url, token: await tokenFor(user) })
        const result = await session.start({ timeout })
        assert.ok(result.succeeded, `${upgrades}: ${session.error?.code}`)
        assert.equal(session.transport, 'stream', String(upgrades))
        const { offset } = await session.send({ to: user, body: 'Hello 😀' })
        assert.equal(offset, 1)
        assert.equal((await session.history())[0]?.body, 'Hello 😀')
        await session.end()
        assert.equal(session.transport, null)
      }),
    )
  })

  void it('messages come once and in order through a proxy that buffers 4 kB, one that splits characters, and one that cuts', async () => {
    for (const answers of ['split', { cutAfter: 700 }, 'buffer'] as const) {
      const proxy = await startHostileProxy(gateway.url, { upgrades: 403, answers })
      const user = `reader-${JSON.stringify(answers)}`
      const session = newSession({ endpoint: proxy.url, token: await tokenFor(user), transports: ['stream'] })
      const bodies: string[] = []
      session.addEventListener('message', ({ detail }) => bodies.push(String(detail.message.body)))
      assert.ok((await session.start({ timeout })).succeeded)
      const count = 12
      const long = 'ü😀'.repeat(700)
      for (let number = 0; number < count; number += 1)
        await gateway.gateway.publish({ appId: 'app', to: user, body: `${number} ${long}` })
      await until('all messages', () => bodies.length, count)
      assert.deepEqual(
        bodies,
        Array.from({ length: count }, (_, number) => `${number} ${long}`),
      )
      await session.end()
    }
  })

  void it('a page that may use WebSockets alone begins no stream, and one that may use streams alone no WebSocket', async () => {
    const proxy = await startHostileProxy(gateway.url, { upgrades: 403 })
    const socket = newSession({
      endpoint: proxy.url,
      token: await tokenFor('ann'),
      transports: ['websocket'],
    })
    const tried = nextEvent(socket, 'state', ({ detail }) => detail.retryAt !== null)
    void socket.start()
    await tried
    await until('three attempts', () => proxy.requests.length >= 3)
    await socket.end()
    assert.ok(proxy.requests.every((line) => line.startsWith('GET /v1/session ')))
    proxy.requests.length = 0
    const stream = newSession({ endpoint: proxy.url, token: await tokenFor('ann'), transports: ['stream'] })
    assert.ok((await stream.start()).succeeded)
    assert.equal(stream.transport, 'stream')
    await stream.end()
    assert.ok(proxy.requests.every((line) => line.startsWith('POST /v1/session/')))
  })

  void it('credentials that are fetched while the WebSocket hangs start the stream', async () => {
    const proxy = await startHostileProxy(gateway.url, { upgrades: 'swallow' })
    const session = newSession({
      endpoint: proxy.url,
      tokenFetcher: () => tokenFor('late'),
    })
    assert.ok((await session.start({ timeout })).succeeded)
    assert.equal(session.user?.id, 'late')
    await session.end()
  })

  void it('a refused start ends the session by a stream as by a WebSocket', async () => {
    const proxy = await startHostileProxy(gateway.url, { upgrades: 403 })
    const session = newSession({ endpoint: proxy.url, appId: 'none', token: await tokenFor('ann') })
    const result = await session.start({ timeout })
    assert.equal(result.failed && result.error.code, 'unknown-app')
  })

  void it('where a WebSocket opens and says nothing, a start that the gateway refuses by the stream is acted on', async () => {
    const proxy = await startHostileProxy(gateway.url, { upgrades: 'silent-101' })
    const unknown = newSession({ endpoint: proxy.url, appId: 'none', token: await tokenFor('ann') })
    // It has expired when the stream is begun.
    const expired = await tokenFor('ann', { expiresIn: 1 })
    let asks = 0
    const tokenFetcher = (): Promise<string> => {
      asks += 1
      return tokenFor('ann')
    }
    const renewed = newSession({ endpoint: proxy.url, token: expired, tokenFetcher })
    const [refusal, result] = await Promise.all([unknown.start({ timeout }), renewed.start({ timeout })])
    assert.equal(refusal.failed && refusal.error.code, 'unknown-app')
    assert.equal(unknown.state, 'failed')
    assert.ok(result.succeeded, renewed.error?.code)
    assert.deepEqual([renewed.transport, asks], ['stream', 1])
    await renewed.end()
  })

  void it('where nothing gets up by a WebSocket but its handshake, a message goes by a stream', async () => {
    const { url } = await startGateway({}, { pingInterval: 2 })
    const proxy = await startHostileProxy(url, { upgrades: 'down-only' })
    const session = newSession({ endpoint: proxy.url, token: await tokenFor('ann') })
    assert.ok((await session.start({ timeout })).succeeded)
    assert.equal(session.transport, 'websocket')
    const states = statesOf(session)
    const { offset } = await session.send({ to: 'ann', body: 'Up' })
    assert.equal(offset, 1)
    assert.equal(session.transport, 'stream')
    // The gateway has ended one WebSocket, in which it heard nothing.
    assert.deepEqual(states, ['reconnecting', 'active'])
    await session.end()
  })

  for (const [what, WebSocketClass] of [
    ['throws', ThrowingWebSocket],
    ['never reports', MuteWebSocket],
  ] as const)
    void it(`a WebSocket whose close() ${what} holds nothing up`, async () => {
      const proxy = await startHostileProxy(gateway.url, { upgrades: 'swallow' })
      const session = newSession({
        endpoint: proxy.url,
        token: await tokenFor('ann'),
        WebSocket: WebSocketClass,
      })
      assert.ok((await session.start({ timeout })).succeeded)
      assert.equal(session.transport, 'stream')
      await session.end()
      assert.equal(session.state, 'ended')
    })

  void it('a stream that is lost is resumed by a stream', async () => {
    const proxy = await startHostileProxy(gateway.url, { upgrades: 403 })
    const session = newSession({ endpoint: proxy.url, token: await tokenFor('lost') })
    assert.ok((await session.start({ timeout })).succeeded)
    const { sessionId } = session
    const lost = nextEvent(session, 'state', ({ detail }) => detail.state === 'reconnecting')
    proxy.cut()
    await lost
    const sent = session.send({ to: 'lost', body: 'while it was away' })
    await reaches(session, 'active')
    assert.equal(session.transport, 'stream')
    assert.equal(session.sessionId, sessionId)
    assert.equal((await sent).offset, 1)
    await session.end()
  })
})
