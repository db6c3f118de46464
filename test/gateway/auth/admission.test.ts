import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createToken } from '../../../src/tokens/index.js'
import { forge, payloadOf } from '../../support/forged-tokens.js'
import { refusalOf, startClient, type Frame, startAs } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { secret, signatureSecret, tokenFor } from '../../support/tokens.js'
import { guestStart, signedStart, startOf } from '../../support/starts.js'

/** Returns the `started` frame that a start is answered with. */
const startedWith = async (url: string, start: unknown): Promise<Frame & { user: { id: string } }> => {
  const { started, close } = await startClient(url, start)
  close()
  return started as Frame & { user: { id: string } }
}

const asks: unknown[] = []
const { url } = await startGateway({
  authenticate: (ask) => {
    asks.push(ask)
    const { pass } = ask.authParams
    if (pass === 'open sesame') return Promise.resolve({ ok: true, user: { name: 'Ada' }, expiresIn: 600 })
    if (pass === 'truthy') return Promise.resolve({ ok: 1 } as unknown as { ok: false })
    if (pass === 'true') return Promise.resolve(true as unknown as { ok: false })
    if (pass === 'nothing') return Promise.resolve(null)
    if (pass === 'a response')
      return Promise.resolve(new Response('{"ok":false}') as unknown as { ok: false })
    return Promise.resolve({ ok: false })
  },
})
const withPass = (pass: string, userId = 'ada') => ({
  type: 'start',
  appId: 'app',
  userId,
  authParams: { pass },
})

test('a token authenticates its `sub`, and its `user` is the profile', async () => {
  const token = await tokenFor('12345', { user: { name: 'Dennis', role: 'admin' } })
  const { user, guest: isGuest } = await startedWith(url, { type: 'start', appId: 'app', token })
  assert.deepEqual(user, { id: '12345', name: 'Dennis', role: 'admin' })
  assert.equal(isGuest, false)
})

test('a signature authenticates the user id that it was made for', async () => {
  assert.equal((await startedWith(url, await signedStart('ada lovelace ✓'))).user.id, 'ada lovelace ✓')
})

test('`authenticate` gets the auth params, the user id, the origin and the address', async () => {
  asks.length = 0
  const client = await startClient(url, withPass('open sesame'), { origin: 'https://www.example.com' })
  assert.deepEqual(client.started['user'], { id: 'ada', name: 'Ada' })
  assert.ok((client.started['expiresIn'] as number) <= 600_000)
  assert.deepEqual(asks, [
    {
      appId: 'app',
      userId: 'ada',
      authParams: { pass: 'open sesame' },
      origin: 'https://www.example.com',
      address: '127.0.0.1',
    },
  ])
})

for (const pass of ['wrong', 'truthy', 'true', 'nothing', 'a response'])
  test(`auth params are refused if authenticate returns ${pass}`, async () => {
    assert.equal(await refusalOf(url, withPass(pass)), 'unauthenticated')
  })

test('a guest gets a random id, or the id that it asks for, always after `guest:`', async () => {
  const { user, guest: isGuest, expiresIn, token } = await startedWith(url, guestStart)
  assert.match(user.id, /^guest:.{10,}$/)
  assert.equal(isGuest, true)
  assert.equal(expiresIn, null)
  assert.equal((payloadOf(token as string) as { sub: string }).sub, user.id)
  assert.notEqual((await startedWith(url, guestStart)).user.id, user.id)
  assert.equal((await startedWith(url, { ...guestStart, userId: 'bob' })).user.id, 'guest:bob')
  assert.equal((await startedWith(url, { ...guestStart, userId: 'guest:bob' })).user.id, 'guest:bob')
  for (const userId of ['', 'guest:'])
    assert.match((await startedWith(url, { ...guestStart, userId })).user.id, /^guest:.{10,}$/)
})

test('an id that is too long with `guest:` before it is a bad request', async () => {
  assert.equal((await startedWith(url, { ...guestStart, userId: 'x'.repeat(249) })).user.id.length, 255)
  assert.equal(await refusalOf(url, { ...guestStart, userId: 'x'.repeat(250) }), 'bad-request')
  assert.equal(await refusalOf(url, { ...guestStart, userId: 'a\nb' }), 'bad-request')
})

test('only a guest has an id that begins with `guest:`', async () => {
  const claims = { tokenType: 'user', iss: 'app', sub: 'guest:bob' }
  const signature = createHmac('sha256', signatureSecret).update('guest:bob').digest('hex')
  assert.equal(
    await refusalOf(url, { type: 'start', appId: 'app', token: forge(claims, undefined, secret) }),
    'unauthenticated',
  )
  assert.equal(
    await refusalOf(url, { type: 'start', appId: 'app', userId: 'guest:bob', signature }),
    'unauthenticated',
  )
  asks.length = 0
  assert.equal(await refusalOf(url, withPass('open sesame', 'guest:bob')), 'unauthenticated')
  assert.deepEqual(asks, [])
})

test('a user of auth params starts again with the gateway’s token until `expiresIn` has passed', async () => {
  const { token } = await startedWith(url, withPass('open sesame'))
  asks.length = 0
  const again = await startedWith(url, { type: 'start', appId: 'app', userId: 'ada', token })
  assert.equal(again.user.id, 'ada')
  assert.ok((again['expiresIn'] as number) <= 600_000 && (again['expiresIn'] as number) > 500_000)
  assert.deepEqual(asks, [])
  assert.equal(await refusalOf(url, { type: 'start', appId: 'app', userId: 'eve', token }), 'bad-request')
})

test('a token of another type that is signed with the app’s secret starts no session', async () => {
  for (const tokenType of ['gateway', 'app', 'User', undefined])
    for (const sub of ['ada', 'guest:bob']) {
      const claims = { tokenType, iss: 'app', sub, exp: Math.floor(Date.now() / 1000) + 60 }
      const token = forge(claims, undefined, secret)
      assert.equal(
        await refusalOf(url, { type: 'start', appId: 'app', token }),
        'unauthenticated',
        `${tokenType} ${sub}`,
      )
    }
})

test('the gateway’s token is refused by another app, in a start and as a renewal', async () => {
  const { url: two } = await startGateway(
    {},
    { apps: { app: testApp(), other: testApp({ secrets: ['another secret'], signatureSecrets: [] }) } },
  )
  const { token } = await startedWith(two, { ...guestStart, userId: 'bob' })
  assert.equal(await refusalOf(two, { type: 'start', appId: 'other', token }), 'unauthenticated')
  const other = await startClient(two, { ...guestStart, appId: 'other', userId: 'bob' })
  other.send({ type: 'token', token })
  assert.equal((await other.next())['code'], 'unauthenticated')
})

test('a production app refuses tokens without `exp`', async () => {
  const long = 'a secret of thirty-two bytes and more'
  const { url: strict } = await startGateway({
    environment: 'production',
    secrets: [long],
    signatureSecrets: [],
    origins: ['https://www.example.com'],
  })
  const make = (expiresIn: number | null) =>
    createToken({ appId: 'app', userId: 'ada', secret: long, expiresIn })
  assert.equal((await startedWith(strict, await startOf('ada', { token: await make(60) }))).user.id, 'ada')
  assert.equal(await refusalOf(strict, await startOf('ada', { token: await make(null) })), 'unauthenticated')
  assert.equal(await refusalOf(strict, guestStart), 'guests-refused')
})

test('the gateway’s tokens are accepted after a restart on the same folder, a guest’s only while guests are allowed', async () => {
  const engine = { type: 'embedded', path: scratchFolder() } as const
  const run = (guests: boolean) => startGateway({ guests }, { engine })

  const before = await run(true)
  const { token, user } = await startedWith(before.url, guestStart)
  await before.gateway.close()

  const restarted = await run(true)
  assert.deepEqual((await startedWith(restarted.url, { type: 'start', appId: 'app', token })).user, user)
  await restarted.gateway.close()

  const withoutGuests = await run(false)
  assert.equal(await refusalOf(withoutGuests.url, { type: 'start', appId: 'app', token }), 'guests-refused')
  const session = await startAs(withoutGuests.url, 'ada')
  session.send({ type: 'token', token })
  assert.equal((await session.next())['code'], 'unauthenticated')
  session.close()

  const elsewhere = await startGateway()
  assert.equal(await refusalOf(elsewhere.url, { type: 'start', appId: 'app', token }), 'unauthenticated')
})
