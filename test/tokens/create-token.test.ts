import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createAppToken,
  createSignature,
  createToken,
  TokenError,
  verifySignature,
  verifyToken,
} from '../../src/tokens/index.js'
import { signToken } from '../../src/tokens/sign-token.js'
import { appId, at, noon, payloadOf, secret } from '../support/forged-tokens.js'

const codeOf = async (made: Promise<unknown>): Promise<string> => {
  try {
    await made
  } catch (error) {
    assert(error instanceof TokenError, String(error))
    return error.code
  }
  return 'made'
}

test('a token has the user, the app and an expiry in an hour', async () => {
  const before = Math.floor(Date.now() / 1000)
  const token = await createToken({ appId, userId: 12345, secret })
  const { iat, jti, ...rest } = payloadOf(token) as { iat: number; jti: string }

  assert.equal(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString(), '{"alg":"HS256","typ":"JWT"}')
  assert.deepEqual(rest, { tokenType: 'user', iss: appId, sub: '12345', exp: iat + 3600 })
  assert(iat >= before && iat <= Date.now() / 1000)
  assert.match(jti, /^[\w-]{22}$/)
})

test('two tokens of one user, made at once, have different ids', async () => {
  const ids = await Promise.all(
    ['ann', 'ann'].map(async (userId) => payloadOf(await createToken({ appId, userId, secret }))),
  )
  const [one, other] = ids as { jti: string }[]
  assert.notEqual(one?.jti, other?.jti)
})

test('a token asked to live 90 seconds does, and one asked to live for ever has no end', async () => {
  const short = payloadOf(await createToken({ appId, userId: 'ann', secret, expiresIn: 90 })) as Record<
    string,
    number
  >
  const endless = payloadOf(await createToken({ appId, userId: 'ann', secret, expiresIn: null })) as object

  assert.equal((short['exp'] ?? 0) - (short['iat'] ?? 0), 90)
  assert(!('exp' in endless))
})

test('a profile travels in the token, and fields that no profile has stay at home', async () => {
  const row = {
    name: 'Ann',
    photoUrl: 'https://example.com/ann.png',
    custom: { team: 'a' },
    passwordHash: 'x',
    id: '1',
  }
  const token = await createToken({ appId, userId: 'ann', secret, user: row })
  const result = await verifyToken(token, { appId, secrets: [secret] })

  assert(result.ok)
  assert.deepEqual(result.claims.user, {
    name: 'Ann',
    photoUrl: 'https://example.com/ann.png',
    custom: { team: 'a' },
  })
  assert(!JSON.stringify(payloadOf(token)).includes('passwordHash'))
})

const good = { appId, userId: 'ann', secret }
const refusals: [string, string, Parameters<typeof createToken>[0]][] = [
  ['an app id with a space', 'bad-app-id', { ...good, appId: 'my app' }],
  ['no app id', 'bad-app-id', { ...good, appId: undefined as never }],
  ['an empty user id', 'bad-user-id', { ...good, userId: '' }],
  ['a user id with half a character', 'bad-user-id', { ...good, userId: 'a\ud800' }],
  ['a user id with a line break', 'bad-user-id', { ...good, userId: 'a\nb' }],
  ['a user id over 255 bytes', 'bad-user-id', { ...good, userId: 'ä'.repeat(128) }],
  ['a number that has lost digits', 'bad-user-id', { ...good, userId: 2 ** 53 }],
  ['a number that is none', 'bad-user-id', { ...good, userId: NaN }],
  ['an object as a user id', 'bad-user-id', { ...good, userId: { id: 1 } as never }],
  ["a guest's id", 'guest-user-id', { ...good, userId: 'guest:ann' }],
  ['a profile over 4096 bytes', 'bad-user', { ...good, user: { custom: { bio: 'ä'.repeat(2048) } } }],
  ['a name that is a number', 'bad-user', { ...good, user: { name: 5 as never } }],
  ['a photo over http', 'bad-user', { ...good, user: { photoUrl: 'http://example.com/a.png' } }],
  ['a photo that is script', 'bad-user', { ...good, user: { photoUrl: 'javascript:alert(1)' } }],
  [
    'a photo with a line break before it',
    'bad-user',
    { ...good, user: { photoUrl: '\nhttps://example.com/' } },
  ],
  ['a photo without a host', 'bad-user', { ...good, user: { photoUrl: 'https://' } }],
  ['an empty secret', 'bad-secret', { ...good, secret: '' }],
  ['a secret of zeros, which is the empty key', 'bad-secret', { ...good, secret: '\0\0' }],
  ['a secret that is not set', 'bad-secret', { ...good, secret: undefined as never }],
  ['a life of NaN', 'bad-expiry', { ...good, expiresIn: NaN }],
  ['a life without end as a number', 'bad-expiry', { ...good, expiresIn: Infinity }],
  ['a life that ends after all dates', 'bad-expiry', { ...good, expiresIn: 1e13 }],
  ['a life of no time', 'bad-expiry', { ...good, expiresIn: 0 }],
  ['a life as text', 'bad-expiry', { ...good, expiresIn: '60' as never }],
]
for (const [what, code, options] of refusals)
  test(`no token is made of ${what}`, async () => {
    assert.equal(await codeOf(createToken(options)), code)
  })

test('the error of a date as the life of a token says that it is one', async () => {
  await assert.rejects(createToken({ ...good, expiresIn: Date.now() }), /from now.*Unix time in milliseconds/)
})

test('an error has neither the secret nor the user', async () => {
  await assert.rejects(createToken({ ...good, userId: 'guest:ann' }), (error: Error) => {
    return !/ann|sk_test/.test(error.message) && error.name === 'TokenError'
  })
})

test("a backend's own token expires after a minute and names no user", async () => {
  const token = await createAppToken({ appId, secret })
  const { iat, jti, ...rest } = payloadOf(token) as { iat: number; jti: string }
  const result = await verifyToken(token, { appId, secrets: [secret], tokenType: 'app' })

  assert.deepEqual(rest, { tokenType: 'app', iss: appId, exp: iat + 60 })
  assert.match(jti, /^[\w-]{22}$/)
  assert(result.ok)
  assert.equal(result.claims.userId, null)
})

test('the gateway can sign for a guest, and such a token passes for no user token', async () => {
  const token = await signToken({
    tokenType: 'gateway',
    appId,
    userId: 'guest:ann',
    secret,
    expiresIn: 60,
    issuedAt: noon,
  })
  const rules = { appId, secrets: [secret], now: at(noon) }
  const result = await verifyToken(token, { ...rules, tokenType: 'gateway' })

  assert(result.ok)
  assert.deepEqual(result.claims, {
    userId: 'guest:ann',
    user: undefined,
    tokenId: result.claims.tokenId,
    issuedAt: noon,
    expiresAt: noon + 60_000,
  })
  assert.equal((await verifyToken(token, rules)).ok, false)
})

test('a line break at the end of a secret is no part of it, on neither side', async () => {
  for (const [made, checked] of [
    [`${secret}\n`, secret],
    [`${secret}\r\n`, `${secret}\n`],
    [secret, `${secret}\n`],
  ] as const) {
    const token = await createToken({ appId, userId: 'ann', secret: made })
    assert.ok((await verifyToken(token, { appId, secrets: [checked] })).ok)
    assert.ok(await verifySignature('ann', await createSignature('ann', made), [checked]))
    const appToken = await createAppToken({ appId, secret: made })
    assert.ok((await verifyToken(appToken, { appId, secrets: [checked], tokenType: 'app' })).ok)
  }
  assert.equal(await codeOf(createToken({ appId, userId: 'ann', secret: '\n' })), 'bad-secret')
})
