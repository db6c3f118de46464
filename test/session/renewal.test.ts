import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { decodeJwt } from 'jose'
import type { SessionError, SessionErrorCode, TokenAsk } from '../../src/session/index.js'
import { startProxy } from '../support/network/proxy.js'
import { eventually, newSession, nextEvent, reaches, statesOf } from '../support/clients/client-sessions.js'
import { startGateway } from '../support/gateway.js'
import { tokenFor } from '../support/tokens.js'

const gateway = await startGateway()
const endpoint = gateway.url

// These tests wait for tokens to expire, all at the same time.
void describe('while time passes', { concurrency: true }, () => {
  void it('a token is refreshed on the open connection before it expires, repeatedly', async () => {
    const reasons: string[] = []
    const witness = newSession({ endpoint, token: await tokenFor('ann', { expiresIn: 4 }) })
    await witness.start()
    const session = newSession({
      endpoint,
      token: await tokenFor('ann', { expiresIn: 4 }),
      tokenFetcher: ({ reason }) => {
        reasons.push(reason)
        return tokenFor('ann', { expiresIn: reasons.length < 3 ? 4 : 3600 })
      },
    })
    await session.start()
    const states = statesOf(session)
    const { sessionId: id } = session
    await eventually(() => reasons.length === 3)
    await reaches(witness, 'ended')
    assert.deepEqual(reasons, ['expiring', 'expiring', 'expiring'])
    assert.deepEqual(states, [])
    assert.equal(session.sessionId, id)
    await session.end()
  })

  void it('a source that is set after no listener responded is called at once', async () => {
    const session = newSession({ endpoint, token: await tokenFor('ann', { expiresIn: 6 }) })
    await session.start()
    await nextEvent(session, 'tokenneeded')
    const { sessionId: id } = session
    const asked: TokenAsk[] = []
    await new Promise<void>((resolve) =>
      session.setCredentials({
        tokenFetcher: (ask) => {
          asked.push(ask)
          resolve()
          return tokenFor('ann')
        },
      }),
    )
    assert.equal(asked[0]?.reason, 'expiring')
    assert.deepEqual([session.state, session.sessionId], ['active', id])
  })

  void it('a page that sets no source when a token is needed is not asked again before its token expired', async () => {
    const session = newSession({ endpoint, token: await tokenFor('ann', { expiresIn: 4 }) })
    await session.start()
    const askedIn: string[] = []
    session.addEventListener('tokenneeded', () => {
      askedIn.push(session.state)
      // The credentials are set in another task, as by a page that renders again.
      if (askedIn.length < 10) setTimeout(() => session.setCredentials({ signature: 'a'.repeat(64) }))
    })
    await reaches(session, 'ended')
    assert.deepEqual(askedIn, ['active', 'reconnecting'])
  })
})

test('of several tokens the last counts, even if the gateway refuses an earlier token', async () => {
  const proxy = await startProxy(endpoint)
  const token = await tokenFor('ann')
  const session = newSession({ endpoint: proxy.url, token })
  const witness = newSession({ endpoint, token })
  await Promise.all([session.start(), witness.start()])
  session.setToken('none')
  session.setToken(await tokenFor('ann'))
  // The gateway takes the frames of a connection in order, so when it has stored a message it has the token.
  await session.send({ to: 'bob', body: 'the token was sent before' })
  await gateway.gateway.client('app').revokeToken({ jti: String(decodeJwt(token).jti) })
  await reaches(witness, 'ended')
  proxy.cut()
  await reaches(session, 'reconnecting')
  await reaches(session, 'active')
  await session.end()
})

test('a source that throws, or returns no token, is called again until it returns one', async () => {
  let asks = 0
  const codes: SessionErrorCode[] = []
  const session = newSession({
    endpoint,
    tokenFetcher: () => {
      asks += 1
      if (asks === 1) throw new Error('the backend is away')
      if (asks === 2) return Promise.resolve(undefined as unknown as string)
      return tokenFor('ann')
    },
  })
  session.addEventListener('error', ({ detail }) => {
    codes.push(detail.error.code)
    assert.match(detail.error.message, asks === 1 ? /the backend is away/ : /TypeError/)
    assert.ok(detail.error.cause instanceof Error)
  })
  assert.ok((await session.start()).succeeded)
  assert.equal(asks, 3)
  assert.deepEqual(codes, ['unavailable', 'unavailable'])
  await session.end()
})

test('a source that rejects with a value that has no text is called again, and the error has the sentence of its code', async () => {
  const cause: unknown = Object.create(null)
  let asks = 0
  const session = newSession({
    endpoint,
    tokenFetcher: async () => {
      if ((asks += 1) === 1) throw cause
      return tokenFor('ann')
    },
  })
  const failed = nextEvent(session, 'error')
  const result = session.start()
  const { error } = (await failed).detail
  assert.deepEqual([error.code, error.cause], ['unavailable', cause])
  assert.match(error.message, /gateway/)
  assert.ok((await result).succeeded)
})

test('a listener of tokenneeded may respond once, while the event is dispatched', async () => {
  const asks: TokenAsk[] = []
  const session = newSession({ endpoint })
  let late: (() => void) | undefined
  session.addEventListener('tokenneeded', (event) => {
    asks.push(event)
    event.respondWith(tokenFor('ann'))
    assert.throws(() => event.respondWith(null), { name: 'InvalidStateError' })
    late = () => event.respondWith(null)
  })
  session.addEventListener('tokenneeded', () => assert.fail('the first answer is the answer'))
  assert.ok((await session.start()).succeeded)
  assert.deepEqual(
    asks.map(({ reason }) => reason),
    ['first'],
  )
  assert.ok(late)
  assert.throws(late, { name: 'InvalidStateError' })
  await session.end()
})

test('after a rejected response another tokenneeded is dispatched, and null means signed out', async () => {
  let asks = 0
  const session = newSession({ endpoint })
  session.addEventListener('tokenneeded', (event) => {
    asks += 1
    event.respondWith(asks === 1 ? Promise.reject(new Error('offline')) : null)
  })
  const result = await session.start()
  assert.equal(result.failed && result.error.code, 'signed-out')
  assert.equal(asks, 2)
})

test('the signal of a fetch aborts when its token is no longer needed', async () => {
  const aborted = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  const signals: AbortSignal[] = []
  const session = newSession({
    endpoint,
    tokenFetcher: ({ signal }) => {
      signals.push(signal)
      return new Promise(() => undefined)
    },
  })
  void session.start()
  const [first] = signals
  assert.ok(first && !first.aborted)
  const ended = aborted(first)
  await session.end()
  await ended
  void session.start()
  const [, second] = signals
  assert.ok(second && !second.aborted)
  const replaced = aborted(second)
  session.setToken(await tokenFor('ann'))
  await replaced
  await reaches(session, 'active')
  await session.end()
})

test('a changed profile comes back from the gateway, and a refused change rejects without an error event', async () => {
  const session = newSession({ endpoint, token: await tokenFor('ann'), user: { name: 'Ann' } })
  await session.start()
  const changed = nextEvent(session, 'user')
  await session.setProfile({ name: 'Ann B.' })
  assert.deepEqual((await changed).detail, { user: { id: 'ann', name: 'Ann B.' } })
  assert.equal(session.user?.name, 'Ann B.')
  const errors: unknown[] = []
  session.addEventListener('error', (event) => errors.push(event))
  const photoUrl = 'http://example.com/not-https.png'
  await assert.rejects(session.setProfile({ photoUrl }), { name: 'SessionError', code: 'bad-request' })
  // The gateway answers a change that changes nothing, too.
  await session.setProfile({ name: 'Ann B.' })
  assert.deepEqual([session.state, errors], ['active', []])
  await session.end()
})

test('a profile that is set before the start is in its frame, unless a field is malformed', async () => {
  const session = newSession({ endpoint, token: await tokenFor('carl') })
  await assert.rejects(session.setProfile({ role: 7 } as object), { code: 'bad-request' })
  const taken = session.setProfile({ name: 'Carl' })
  await session.start()
  assert.deepEqual(session.user, { id: 'carl', name: 'Carl' })
  await taken
  await session.end()
})

test('a profile that the gateway refuses is in no later start, and the other changes are', async () => {
  const proxy = await startProxy(endpoint)
  const session = newSession({ endpoint: proxy.url, token: await tokenFor('emma'), user: { name: 'Emma' } })
  await session.start()
  const long = 'x'.repeat(70_000)
  const results = await Promise.allSettled([
    session.setProfile({ name: long, role: 'admin' }),
    session.setProfile({ name: 7 } as object),
    session.setProfile({ locale: 'de' }),
    session.setProfile({ photoUrl: 'http://example.com/not-https.png', email: 'emma@example.com' }),
    session.setProfile({ name: `${long}y` }),
  ])
  assert.deepEqual(
    results.map((result) => (result.status === 'rejected' ? (result.reason as SessionError).code : 'taken')),
    ['too-large', 'bad-request', 'taken', 'bad-request', 'too-large'],
  )
  proxy.cut()
  await reaches(session, 'reconnecting')
  await reaches(session, 'active')
  const start = proxy.heads[1]?.match(/start\.([\w-]+)/)?.[1] ?? assert.fail()
  const { user } = JSON.parse(Buffer.from(start, 'base64url').toString()) as { user: unknown }
  assert.deepEqual(user, { name: 'Emma', locale: 'de' })
  await session.end()
})

test('a profile that JSON can’t write is in no later start, so that it ends no session', async () => {
  const proxy = await startProxy(endpoint)
  const session = newSession({ endpoint: proxy.url, token: await tokenFor('finn') })
  await session.start()
  await assert.rejects(session.setProfile({ custom: { customer: 1n } } as object), TypeError)
  const states = statesOf(session)
  proxy.cut()
  await eventually(() => states.length > 1)
  assert.deepEqual(states, ['reconnecting', 'active'])
})

test('an invalid profile ends no session of an app that takes no profiles from clients', async () => {
  const { url } = await startGateway({ profiles: 'vouched' })
  const proxy = await startProxy(url)
  const session = newSession({ endpoint: proxy.url, token: await tokenFor('gina') })
  await session.start()
  await assert.rejects(session.setProfile({ photoUrl: 'http://example.com/not-https.png' }))
  const states = statesOf(session)
  proxy.cut()
  await eventually(() => states.length > 1)
  assert.deepEqual(states, ['reconnecting', 'active'])
})

test('a profile that is set during the start is sent once it is active', async () => {
  const session = newSession({ endpoint, token: await tokenFor('dora') })
  const started = session.start()
  const taken = session.setProfile({ name: 'Dora' })
  await started
  await taken
  assert.equal(session.user?.name, 'Dora')
  await session.end()
})

test('a session that a listener ends when it is active emits no user event after that', async () => {
  const session = newSession({ endpoint, token: await tokenFor('gwen') })
  const received: string[] = []
  session.addEventListener('state', ({ detail }) => {
    received.push(detail.state)
    if (detail.state === 'active') void session.end()
  })
  session.addEventListener('user', () => received.push('user'))
  await session.start()
  await session.end()
  assert.deepEqual(received, ['starting', 'active', 'ended'])
})
