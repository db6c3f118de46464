import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseConfig, type AppConfig } from '../../../src/gateway/config/parse.js'

const secret = 'a'.repeat(32)
const webhookSecret = (mark: string): string =>
  `whsec_${Buffer.from(mark.padEnd(24, '-')).toString('base64')}`
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey } = pair
const publicKey: Record<string, unknown> = { ...pair.publicKey.export({ format: 'jwk' }) }
const problemsOf = (app: unknown): string[] => {
  const parsed = parseConfig({ apps: { a: app } }, {})
  return parsed.ok ? [] : parsed.problems
}
const wordsOf = (text: string): string[] => text.trim().split(/\s+/)
const withOrigin = (origin: string): string[] => problemsOf({ environment: 'test', origins: [origin] })
const withJwks = (url: string): string[] =>
  problemsOf({ environment: 'test', jwks: { url, algorithms: ['RS256', 'ES256', 'EdDSA'] } })

test('a production app must list its origins', () => {
  assert.deepEqual(problemsOf({ environment: 'production', secrets: [secret] }), [
    'apps.a.origins: a production app must list the origins of the pages that may connect',
  ])
})

const goodOrigins = `
  https://www.example.com https://example.com:8443 https://xn--bcher-kva.example
  http://localhost:3000 http://192.168.0.7 http://[::1]:8080
  capacitor://localhost chrome-extension://abcdefghijklmnopabcdefghijklmnop`
for (const origin of wordsOf(goodOrigins))
  test(`the origin ${origin} is accepted`, () => {
    assert.deepEqual(withOrigin(origin), [])
  })

const badOrigins: [why: RegExp, ...origins: string[]][] = [
  [/trailing slash/, 'https://www.example.com/'],
  [/leave out the path/, 'https://www.example.com/chat', 'https://www.example.com/\n'],
  [/leave out the path/, 'https://www.example.com?a', 'https://www.example.com#a'],
  [/sandboxed/, 'null'],
  [/wildcards/, '*', 'https://*.example.com'],
  [/such as https/, '', 'www.example.com', '//www.example.com', 'https://', 'https:///'],
  [/such as https/, 'file:///home', 'data:text/html,a', 'https://example.com:99999'],
  [/such as https/, 'capacitor://Localhost', 'Capacitor://localhost'],
  [/leave out the path|such as https/, 'https://exa mple.com'],
  [/user and password/, 'https://me:word@example.com'],
  [/not of the gateway/, 'wss://chat.example.com'],
  [/as a browser sends it/, 'https://WWW.example.com', 'HTTPS://www.example.com'],
  [/as a browser sends it/, 'https://www.example.com:443', 'http://www.example.com:80'],
  [/punycode/, 'https://bücher.example'],
]
for (const [why, origin] of badOrigins.flatMap(([why, ...origins]) =>
  origins.map((each) => [why, each] as const),
))
  test(`the origin ${JSON.stringify(origin)} is refused with the reason`, () => {
    const problems = withOrigin(origin)
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^apps\.a\.origins\[0\]: /)
    assert.match(problems[0] ?? '', why)
  })

const goodUrls = `
  https://id.example.com/.well-known/jwks.json http://localhost:8080/keys http://id.localhost/keys
  http://127.0.0.1/keys http://[::1]:9000/keys`
for (const url of wordsOf(goodUrls))
  test(`keys may be fetched from ${url}`, () => {
    assert.deepEqual(withJwks(url), [])
  })

const badUrls = `
  http://id.example.com/keys http://localhost.example.com/keys http://127.0.0.1.example.com/keys http://10.0.0.1/keys
  https://me:word@id.example.com/keys ftp://id.example.com/keys file:///keys id.example.com/keys`
for (const url of ['', ...wordsOf(badUrls)])
  test(`keys may not be fetched from '${url}'`, () => {
    assert.deepEqual(withJwks(url), [
      'apps.a.jwks.url: must be an https URL without user and password; http is for this machine only',
    ])
  })

const withKeys = (...keys: unknown[]): string[] =>
  problemsOf({ environment: 'test', jwks: { keys, algorithms: ['RS256', 'ES256', 'EdDSA'] } })

test('public keys of every kind may stand in the config', () => {
  const edwards = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
  assert.deepEqual(withKeys(publicKey, edwards, { ...rsa, kid: '1', use: 'sig' }), [])
})

test('a key in the config that is private, symmetric, too short or no key is refused without being repeated', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const whole = privateKey.export({ format: 'jwk' })
  const symmetric = { kty: 'oct', k: 'c2VjcmV0' }
  const privately = 'holds a private or symmetric key: the gateway takes public keys only'
  assert.deepEqual(withKeys(whole, symmetric, rsa, { kty: 'EC' }), [
    `apps.a.jwks.keys[0]: ${privately}`,
    `apps.a.jwks.keys[1]: ${privately}`,
    'apps.a.jwks.keys[2]: is too short: an RSA key has 2048 bits or more',
    'apps.a.jwks.keys[3]: must be a public key as a JSON Web Key, of type RSA, EC or OKP',
  ])
})

test('a public key whose key_ops name more than verify is refused, because each of its tokens would be unavailable', () => {
  const [good, bad] = [['verify'], ['sign', 'verify']].map((key_ops) => ({ ...publicKey, key_ops }))
  assert.deepEqual(withKeys(good, bad), [
    'apps.a.jwks.keys[1]: has key_ops besides verify: leave them out, because a public key can only verify a token',
  ])
})

test('a key set has either a URL or keys', () => {
  const algorithms = ['ES256']
  const both = { algorithms, url: 'https://id.example.com', keys: [publicKey] }
  assert.deepEqual(problemsOf({ environment: 'test', jwks: { algorithms } }), [
    'apps.a.jwks.url: is missing: give the url of a key set, or its keys',
  ])
  assert.deepEqual(problemsOf({ environment: 'test', jwks: both }), [
    'apps.a.jwks.keys: url is given too: leave one of the two out',
  ])
})

test('an algorithm that is not for public keys is refused', () => {
  const algorithms = ['RS256', 'HS256', 'none']
  assert.deepEqual(
    problemsOf({ environment: 'test', jwks: { url: 'https://id.example.com', algorithms } }),
    [1, 2].map((index) => `apps.a.jwks.algorithms[${index}]: must be "RS256" or "ES256" or "EdDSA"`),
  )
})

test('a production app with signatures must not require credentials that expire, and the reason is given', () => {
  const app = { environment: 'production', origins: ['https://www.example.com'], signatureSecrets: [secret] }
  const problem =
    'apps.a.signatureSecrets: a signature never expires, and requireExpiry asks for credentials that do: leave signatureSecrets out, or set requireExpiry to false'
  assert.deepEqual(problemsOf(app), [problem])
  assert.deepEqual(problemsOf({ ...app, requireExpiry: true }), [problem])
  assert.deepEqual(problemsOf({ ...app, requireExpiry: false }), [])
  assert.deepEqual(problemsOf({ ...app, signatureSecrets: [], secrets: [secret] }), [])
})

const closed = { environment: 'production', origins: ['https://www.example.com'] } satisfies AppConfig
const noLogin =
  'apps.a: no user can log in: add secrets, signatureSecrets, jwks, authenticate or authenticateUrl, or allow guests'

test('an app without any way to log in is refused', () => {
  assert.deepEqual(problemsOf(closed), [noLogin])
  assert.deepEqual(problemsOf({ ...closed, secrets: [], signatureSecrets: [] }), [noLogin])
  assert.deepEqual(problemsOf({ environment: 'test', guests: false }), [noLogin])
})

const credentials: Partial<AppConfig>[] = [
  { secrets: [secret] },
  { signatureSecrets: [secret], requireExpiry: false },
  { jwks: { url: 'https://id.example.com', algorithms: ['RS256'] } },
  { jwks: { keys: [publicKey], algorithms: ['ES256'] } },
  { authenticate: () => Promise.resolve(null) },
  { authenticateUrl: { url: 'https://www.example.com/in', secrets: [webhookSecret('one')] } },
  { guests: true },
]
for (const credential of credentials)
  test(`${Object.keys(credential).join()} alone is a way to log in`, () => {
    assert.deepEqual(problemsOf({ ...closed, ...credential }), [])
  })
