import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAs, type Frame } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { tokenFor } from '../../support/tokens.js'

const anyone = await startGateway({ profiles: 'anyone', limits: { requestsPerSecond: 1_000_000 } })
const vouched = await startGateway({ profiles: 'vouched' })

const userIn = ({ started }: { started: Frame }): unknown => started['user']

test('with `profiles: anyone` the profile of a start is accepted, and kept for the next session', async () => {
  const first = await startAs(anyone.url, 'ada', { user: { name: 'Ada', id: 'eve', age: 36 } })
  assert.deepEqual(userIn(first), { id: 'ada', name: 'Ada' })
  const second = await startAs(anyone.url, 'ada')
  assert.deepEqual(userIn(second), { id: 'ada', name: 'Ada' })
})

test('the profile of the token overrides the client’s, whichever came last', async () => {
  const token = await tokenFor('bob', { user: { name: 'Bob', role: 'admin' } })
  const user = { name: 'Robert', role: 'owner', locale: 'de' }
  const expected = { id: 'bob', name: 'Bob', role: 'admin', locale: 'de' }
  const first = await startAs(anyone.url, 'bob', { token, user })
  assert.deepEqual(userIn(first), expected)
  const second = await startAs(anyone.url, 'bob', { user: { ...user, email: 'b@example.com' } })
  assert.deepEqual(userIn(second), { ...expected, email: 'b@example.com' })
})

test('a `profile` frame changes the profile, and every session of the user receives `user`', async () => {
  const [first, second, other] = [
    await startAs(anyone.url, 'carol', { user: { name: 'Carol' } }),
    await startAs(anyone.url, 'carol'),
    await startAs(anyone.url, 'dave'),
  ]
  first.send({ type: 'profile', user: { locale: 'fr' } })
  const expected = { type: 'user', user: { id: 'carol', name: 'Carol', locale: 'fr' } }
  assert.deepEqual(await first.next(), expected)
  assert.deepEqual(await second.next(), expected)
  other.send({ type: 'read', epoch: '', offset: 0 })
  assert.equal((await other.next()).type, 'refused')
})

test('a `profile` frame that changes nothing is answered with `user`, to its own session alone', async () => {
  const [first, second] = [
    await startAs(anyone.url, 'hal', { user: { name: 'Hal' } }),
    await startAs(anyone.url, 'hal'),
  ]
  const user = { id: 'hal', name: 'Hal' }
  first.send({ type: 'profile', user: { name: 'Hal' } })
  assert.deepEqual(await first.next(), { type: 'user', user })
  first.send({ type: 'profile', user: { role: 'owner' } })
  for (const client of [first, second])
    assert.deepEqual(await client.next(), { type: 'user', user: { ...user, role: 'owner' } })
})

test('a `profile` frame that would make the profile too large is refused, and changes nothing', async () => {
  const client = await startAs(anyone.url, 'gina', { user: { name: 'x'.repeat(3_000) } })
  client.send(
    { type: 'profile', user: { role: 'x'.repeat(3_000) } },
    { type: 'profile', user: { role: 'owner' } },
  )
  const { code, re, retryable } = await client.next()
  assert.deepEqual([re, code, retryable], ['profile', 'too-large', false])
  assert.equal(((await client.next())['user'] as { role: string }).role, 'owner')
})

test('a start and a fresh token that change the profile send `user` to the user’s other sessions', async () => {
  const first = await startAs(vouched.url, 'erin')
  const token = await tokenFor('erin', { user: { name: 'Erin' } })
  const second = await startAs(vouched.url, 'erin', { token })
  assert.deepEqual((await first.next('user'))['user'], { id: 'erin', name: 'Erin' })
  second.send({ type: 'token', token: await tokenFor('erin', { user: { role: 'owner' } }) })
  assert.deepEqual((await first.next('user'))['user'], { id: 'erin', role: 'owner' })
  assert.deepEqual((await second.next('user'))['user'], { id: 'erin', role: 'owner' })
})

const badFields: [string, Record<string, unknown>, RegExp][] = [
  ['a photo without https', { photoUrl: '/me.png' }, /without .*'photoUrl' must be an https URL/],
  ['a number', { locale: 7 }, /'locale' must be a text/],
  ['half a character', { role: '\ud800' }, /'role' must be a text of well-formed Unicode/],
  ['a custom field that is no text', { custom: { plan: 1 } }, /'custom' must be an object of texts/],
  [
    'more than 4 kB',
    { custom: { bio: 'x'.repeat(5_000) } },
    /has \d+ bytes .* 4096 .* most of them are in 'custom'/,
  ],
  [
    'several bad fields, in a long frame',
    { photoUrl: 'data:,', email: null, custom: { bio: 'x'.repeat(5_000) }, unknown: [[], {}] },
    /'email' must be .*; 'photoUrl' must be .*; it has \d+ bytes/,
  ],
]

for (const [what, bad, sentence] of badFields)
  test(`a start whose profile has ${what} is accepted without that, and says so`, async () => {
    const { started, next, close } = await startAs(anyone.url, 'ines', { user: { name: 'Ines', ...bad } })
    assert.deepEqual(started['user'], { id: 'ines', name: 'Ines' })
    const { type, re, code, message, retryable } = await next()
    assert.deepEqual([type, re, code, retryable], ['refused', 'start', 'bad-request', false])
    assert.match(String(message), sentence)
    close()
  })

test('an invalid profile is refused for its content, and the session goes on', async () => {
  for (const { url } of [anyone, vouched]) {
    const client = await startAs(url, 'frank')
    for (const user of [{ photoUrl: 'http://example.com/a.png' }, { name: 'x'.repeat(5_000) }]) {
      client.send({ type: 'profile', user })
      const { re, code } = await client.next()
      assert.deepEqual([re, code], ['profile', 'bad-request'])
    }
    client.send({ type: 'profile', user: { photoUrl: 'https://example.com/a.png' } })
    assert.equal((await client.next()).type, url === anyone.url ? 'user' : 'refused')
    client.close()
  }
})

test('with `profiles: vouched` the profile of a start is ignored and a `profile` frame is refused', async () => {
  const token = await tokenFor('grace', { user: { name: 'Grace' } })
  const client = await startAs(vouched.url, 'grace', { token, user: { name: 'Other', role: 'admin' } })
  assert.deepEqual(userIn(client), { id: 'grace', name: 'Grace' })
  client.send({ type: 'profile', user: { role: 'admin' } })
  const { re, code } = await client.next()
  assert.deepEqual([re, code], ['profile', 'refused'])
  const again = await startAs(vouched.url, 'grace')
  assert.deepEqual(userIn(again), { id: 'grace', name: 'Grace' })
})

test('too many `profile` frames at once are refused with `retryAfter`', async () => {
  const flood = await startAs(anyone.url, 'flo')
  const frames = Array.from({ length: 500 }, (_, index) => ({
    type: 'profile',
    user: { name: `Flo ${index}`, custom: { filler: 'x'.repeat(500) } },
  }))
  flood.send(...frames)
  const refused = await flood.next('refused')
  assert.equal(refused['code'], 'rate-limited')
  assert.equal(refused['retryAfter'], 1_000)
  // A client that waits is let through again.
  let frame: Frame
  do {
    flood.send({ type: 'profile', user: { name: 'Flora' } })
    frame = await flood.next('user')
  } while ((frame['user'] as { name: string }).name !== 'Flora')
})
