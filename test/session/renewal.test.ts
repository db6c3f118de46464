import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import type { SessionError, TokenAsk } from '../../src/session/index.js'
import { startProxy } from '../support/network/proxy.js'
import { eventually, newSession, nextEvent, reaches, statesOf } from '../support/clients/client-sessions.js'
import { startGateway } from '../support/gateway.js'
import { tokenFor } from '../support/tokens.js'

const gateway = await startGateway()
const endpoint = gateway.url

// These tests wait for tokens to expire, all at the same time.
void describe('while time passes', { concurrency: true }, () => {
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

test('a source that throws, returns no token, or rejects with a value that has no text, is called again until it returns one', async () => {
  const textless: unknown = Object.create(null)
  const failures = [
    () => {
      throw new Error('the backend is away')
    },
    () => Promise.resolve(undefined as unknown as string),
    async () => {
      throw await Promise.resolve(textless)
    },
  ]
  const errors: SessionError[] = []
  const session = newSession({ endpoint, tokenFetcher: () => failures.shift()?.() ?? tokenFor('ann') })
  session.addEventListener('error', ({ detail }) => errors.push(detail.error))
  assert.ok((await session.start()).succeeded)
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['unavailable', 'unavailable', 'unavailable'],
  )
  for (const [index, text] of [/the backend is away/, /TypeError/, /gateway/].entries())
    assert.match(errors[index]?.message ?? '', text)
  assert.equal(errors[2]?.cause, textless)
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
})

test('a profile that is set before the start is in its frame, unless a field is malformed', async () => {
  const session = newSession({ endpoint, token: await tokenFor('carl') })
  await assert.rejects(session.setProfile({ role: 7 } as object), { code: 'bad-request' })
  const taken = session.setProfile({ name: 'Carl' })
  await session.start()
  assert.deepEqual(session.user, { id: 'carl', name: 'Carl' })
  await taken
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
})

for (const [what, profiles, profile, error] of [
  ['JSON can’t write', 'anyone', { custom: { customer: 1n } } as object, TypeError],
  [
    'is invalid, even in an app that takes none,',
    'vouched',
    { photoUrl: 'http://x/y.png' },
    { code: 'bad-request' },
  ],
] as const)
  test(`a profile that ${what} is in no later start, so that it ends no session`, async () => {
    const { url } = await startGateway({ profiles })
    const proxy = await startProxy(url)
    const session = newSession({ endpoint: proxy.url, token: await tokenFor('finn') })
    await session.start()
    await assert.rejects(session.setProfile(profile), error)
    const states = statesOf(session)
    proxy.cut()
    await eventually(() => states.length > 1)
    assert.deepEqual(states, ['reconnecting', 'active'])
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
