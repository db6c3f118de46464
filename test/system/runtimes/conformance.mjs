// The same on every runtime: imports what is published, uses nothing but the language and Web Crypto, and throws at the first mistake.
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose'
import {
  createAppToken,
  createSignature,
  createToken,
  createTokenVerifier,
  TokenError,
  verifySignature,
  verifyToken,
} from '../../../dist/tokens/index.js'

let checks = 0
const same = (actual, wanted, what) => {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(wanted)]
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`)
  checks += 1
}
const codeOf = async (result) => {
  const settled = await result
  return settled.ok ? 'ok' : settled.code
}

const appId = 'hF83jaq'
const secret = 'sk_test_0123456789abcdef0123456789'
const rules = { appId, secrets: [secret] }
const user = { name: 'Zoë 😀', photoUrl: 'https://example.com/zoe.png', custom: { team: 'a' } }

const token = await createToken({ appId, userId: 'Zoë', secret, user })
const result = await verifyToken(token, rules)
same([result.ok, result.claims?.userId, result.claims?.user], [true, 'Zoë', user], 'a round trip')
same(await codeOf(verifyToken(token, { ...rules, secrets: ['another', secret] })), 'ok', 'rotation')
same(
  await codeOf(verifyToken(token, { ...rules, secrets: ['another'] })),
  'unauthenticated',
  'a wrong secret',
)
same(await codeOf(verifyToken(token, { ...rules, secrets: [''] })), 'unauthenticated', 'an empty secret')
same(await codeOf(verifyToken(token, { ...rules, appId: 'other' })), 'unauthenticated', 'another app')
same(await codeOf(verifyToken(token, { ...rules, tokenType: 'app' })), 'unauthenticated', 'another type')
same(
  await codeOf(verifyToken(token, { ...rules, now: () => Date.now() + 3_600_000 })),
  'token-expired',
  'an expired token',
)
same(
  await codeOf(verifyToken(await createAppToken({ appId, secret }), { ...rules, tokenType: 'app' })),
  'ok',
  "an app's token",
)

const verify = createTokenVerifier(rules)
const [header, payload, signature] = token.split('.')
for (const bad of [
  '',
  'a.b.c',
  `${token}=`,
  `${token} `,
  `${token}\n`,
  `${header}.${payload}.`,
  `eyJhbGciOiJub25lIn0.${payload}.`,
  `eyJhbGciOiJub25lIn0.${payload}.${signature}`,
  `${header}.${payload}.${signature.slice(0, -1)}`,
  `${header}.${payload}A.${signature}`,
])
  same(await codeOf(verify(bad)), 'unauthenticated', 'a bad token')

for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  const resolve = createLocalJWKSet({ keys: [await exportJWK(publicKey)] })
  const signed = await new SignJWT({ tokenType: 'user' })
    .setProtectedHeader({ alg })
    .setIssuer(appId)
    .setSubject('12345')
    .setExpirationTime('1h')
    .sign(privateKey)
  same(await codeOf(verifyToken(signed, { appId, keySet: { algorithms: [alg], resolve } })), 'ok', alg)
  same(
    await codeOf(verifyToken(signed, { appId, keySet: { algorithms: [], resolve } })),
    'unauthenticated',
    alg,
  )
  same(
    await codeOf(verifyToken(token, { appId, keySet: { algorithms: [alg], resolve } })),
    'unauthenticated',
    'an HMAC where none is expected',
  )
}

// RFC 4231, 4.3.
const printed = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
same(await createSignature('what do ya want for nothing?', 'Jefe'), printed, 'a signature')
same(await verifySignature('what do ya want for nothing?', printed, ['Jefe']), true, 'a good signature')
same(await verifySignature('what do ya want for nothing!', printed, ['Jefe']), false, 'a bad signature')
same(
  await createToken({ appId, userId: 'guest:a', secret }).catch((error) => [
    error instanceof TokenError,
    error.code,
  ]),
  [true, 'guest-user-id'],
  'a guest',
)

console.log(`${checks} checks passed`)
