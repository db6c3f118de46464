import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { createMemoryEngine, type Engine } from '../../../src/engine/index.js'
import { Connection } from '../../../src/gateway/connection/connection.js'
import { roundTrip, startClient, startAs, outcomeOf, type Frame } from '../../support/raw-client.js'
import { secret } from '../../support/tokens.js'
import { signedStart, startOf, startWithParams } from '../../support/starts.js'
import { startGateway } from '../../support/gateway.js'
import { until } from '../../support/until.js'

const authenticate = () => Promise.resolve({ ok: true as const })
const serve = (engine: Engine) => startGateway({ authenticate }, { pingInterval: 1 }, { engine })

const engine = createMemoryEngine()
const { url } = await serve(engine)

const userOf = (userId: string) => ({ appId: 'app', userId })

/** Returns a token whose `iat` is `ahead` milliseconds in the future. */
const tokenAt = (userId: string, ahead: number): Promise<string> =>
  new SignJWT({ tokenType: 'user', iat: (Date.now() + ahead) / 1000 })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('app')
    .setSubject(userId)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret))

test('what waits for `authorizeSend` when its sender is logged out is not stored', async () => {
  const waiting: (() => void)[] = []
  const { url, gateway } = await startGateway({
    authorizeSend: ({ from }) =>
      from === 'bob' || new Promise((resolve) => waiting.push(() => resolve(true))),
  })
  const send = (id: string): Frame => ({ type: 'send', id, to: 'cara', body: id })
  const ada = await startAs(url, 'ada')
  const lost = await startAs(url, 'ada')
  lost.send(send('lost'))
  await until('a send that waits', () => waiting.length === 1)
  lost.close()
  ada.send(send('first'), send('second'))
  await until('another send that waits', () => waiting.length === 2)
  await gateway.client('app').endUserSessions({ user: 'ada' })
  assert.equal((await ada.end()).frame['code'], 'revoked')
  for (const authorize of waiting) authorize()
  const bob = await startAs(url, 'bob')
  bob.send(send('later'))
  await bob.next('sent')
  bob.close()
  const { messages } = await gateway.client('app').listMessages({ user: 'cara' })
  assert.deepEqual(
    messages.map(({ id }) => id),
    ['later'],
  )
  assert.equal(waiting.length, 2, 'the second message is not even authorized')
})

test('a signature and a token without `iat` are dead until the revocation is lifted', async () => {
  const start = await signedStart('cara')
  await engine.revokeUser(userOf('cara'), { issuedBefore: null, mode: 'end' })
  assert.equal(await outcomeOf(url, start), 'unauthenticated')
  await engine.liftRevocation(userOf('cara'))
  assert.equal(await outcomeOf(url, start), 'started')
})

test('the token that the gateway signed is dead too, and the auth params are not', async () => {
  const start = startWithParams('dora')
  const client = await startClient(url, start)
  const token = client.started['token']
  const [session] = await engine.sessions(userOf('dora'))
  assert.equal(session?.credential.authMethod, 'authParams')
  await engine.revokeUser(userOf('dora'), { issuedBefore: null, mode: 'end' })
  await client.end()
  assert.equal(await outcomeOf(url, { type: 'start', appId: 'app', token }), 'unauthenticated')
  const again = await startClient(url, start)
  assert.equal(
    await outcomeOf(url, { type: 'start', appId: 'app', token: again.started['token'] }),
    'started',
  )
})

test('a `token` frame with a revoked token is refused, and the session goes on', async () => {
  const client = await startAs(url, 'gina', { token: await tokenAt('gina', 5_000) })
  await engine.revokeUser(userOf('gina'), { issuedBefore: Date.now(), mode: 'end' })
  client.send({ type: 'token', token: await tokenAt('gina', -1_000) })
  const { type, re, code } = await client.next()
  assert.deepEqual({ type, re, code }, { type: 'refused', re: 'token', code: 'unauthenticated' })
  const token = await tokenAt('gina', 9_000)
  client.send({ type: 'token', token })
  assert.equal((await client.next()).type, 'renewed')
})

test('`reauth` asks for a token, and ends only the session that brings none', async () => {
  const start = await startOf('hana')
  const [good, silent] = [await startClient(url, start), await startClient(url, start)]
  await engine.revokeUser(userOf('hana'), { issuedBefore: null, mode: 'reauth' })
  for (const client of [good, silent]) {
    const { type, reauth, expiresIn } = await client.next()
    assert.deepEqual({ type, reauth }, { type: 'renewed', reauth: true })
    assert.ok(Number(expiresIn) > 5_000 && Number(expiresIn) <= 10_000)
  }
  good.send({ type: 'token', token: await tokenAt('hana', 1_000) })
  const renewed: Frame = await good.next()
  assert.deepEqual([renewed.type, renewed['reauth']], ['renewed', undefined])
  const { frame, code } = await silent.end()
  assert.deepEqual([frame['code'], code], ['token-expired', 4102])
  good.send({ type: 'read', epoch: good.started['epoch'] as string, offset: 0 })
  assert.equal((await good.next()).type, 'unread')
})

test('a session that brings a good token before it is asked for one is not asked', async (t) => {
  const start = await startOf('kai')
  const [good, silent] = [await startClient(url, start), await startClient(url, start)]
  // The gateway asks when the next second begins: so the token comes before.
  t.mock.timers.enable({ apis: ['Date'], now: Math.ceil(Date.now() / 1_000) * 1_000 })
  await engine.revokeUser(userOf('kai'), { issuedBefore: null, mode: 'reauth' })
  const token = await tokenAt('kai', 9_000)
  t.mock.timers.reset()
  good.send({ type: 'token', token })
  assert.equal((await good.next('renewed'))['reauth'], undefined)
  assert.equal((await silent.next('renewed'))['reauth'], true)
  await roundTrip(good)
  assert.equal(good.frames.filter(({ type }) => type === 'renewed').length, 1)
})

test('after a revocation of many sessions, few clients are asked for a token in one turn', async () => {
  const count = 200
  const engine = createMemoryEngine()
  const limits = { sessionsPerUser: 1_000, requestsPerSecond: 1_000 }
  const { url } = await startGateway({ limits }, {}, { engine })
  const start = await startOf('ada')
  const clients = await Promise.all(Array.from({ length: count }, () => startClient(url, start)))
  const { send } = Connection.prototype
  let asked = 0
  Connection.prototype.send = function (frame) {
    if (frame.type === 'renewed') asked += 1
    send.call(this, frame)
  }
  try {
    await engine.revokeApp('app', { issuedBefore: null, mode: 'reauth' })
    let [largest, last] = [0, 0]
    while (last < count) {
      await new Promise((resolve) => setImmediate(resolve))
      largest = Math.max(largest, asked - last)
      last = asked
    }
    // These are two portions of 32, because one may be asked before the first turn is over.
    assert.ok(largest <= 64, `${largest} in one turn`)
  } finally {
    Connection.prototype.send = send
  }
  for (const client of clients) {
    assert.equal((await client.next('renewed'))['reauth'], true)
    client.close()
  }
})

test('a session has the client’s origin, address, name and round-trip time', async () => {
  const start = { ...(await startOf('ines')), client: 'x'.repeat(100) }
  const client = await startClient(url, start, { origin: 'https://example.com' })
  const [session] = await engine.sessions(userOf('ines'))
  assert.equal(session?.origin, 'https://example.com')
  assert.match(session.address, /127\.0\.0\.1|::1/)
  assert.equal(session.client, 'x'.repeat(64))
  assert.ok(session.node !== '')
  while ((await engine.sessions(userOf('ines')))[0]?.rtt === null)
    await new Promise((resolve) => client.socket.once('message', resolve))
})
