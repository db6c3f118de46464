import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet, SignJWT } from 'jose'
import { reportToken } from '../../../src/gateway/auth/token-report.js'
import { parseConfig, type AppConfig } from '../../../src/gateway/config/parse.js'
import type { TokenCheck } from '../../../src/protocol/internal.js'
import { createTokenVerifier, type KeySet } from '../../../src/tokens/index.js'
import { forge } from '../../support/forged-tokens.js'

const secret = Buffer.from('a secret of 32 bytes, and longer').toString('base64')
const oldSecret = 'the secret before, of 32 bytes or more'
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }) }
const keySet: KeySet = { algorithms: ['ES256'], resolve: createLocalJWKSet({ keys: [jwk] }) }
const app: AppConfig = {
  environment: 'test',
  requireExpiry: true,
  secrets: [secret, oldSecret],
  signatureSecrets: [],
}
const parsed = parseConfig(
  {
    apps: {
      app,
      other: { environment: 'test', secrets: ['the secret of the other app'] },
      keys: { environment: 'test', jwks: { keys: [jwk], algorithms: ['ES256'] } },
      guests: { environment: 'test' },
    },
  },
  {},
)
assert.ok(parsed.ok)
const { apps } = parsed.config
const now = Date.UTC(2026, 0, 31, 12)
const seconds = now / 1_000

const report = (token: string, keys: KeySet | undefined = keySet): Promise<TokenCheck> =>
  reportToken(token, { apps, keySetOf: (settings) => (settings.jwks ? keys : undefined), now })

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const sign = (claims: object, key: string | Buffer = secret, header: object = { alg: 'HS256' }): string =>
  forge(claims, header, key)
const good = { tokenType: 'user', iss: 'app', sub: 'ada', iat: seconds - 60, exp: seconds + 3_600 }

/** Each finding as `level part: text`. */
const linesOf = ({ findings }: TokenCheck): string[] =>
  findings.map(({ level, part, text }) => `${level} ${part}: ${text}`)
const problemsOf = (found: TokenCheck): string[] => linesOf(found).filter((line) => !line.startsWith('ok '))

test('a number for a user counts as its digits', async () => {
  const found = await report(sign({ ...good, sub: 12345 }))
  assert.equal(found.userId, '12345')
  assert.deepEqual(problemsOf(found), [])
  assert.ok(linesOf(found).includes('ok sub: "12345"'))
})

test('every part of a good token is explained, and the secret is named by its place', async () => {
  const found = await report(sign({ ...good, nbf: seconds, user: { name: 'Ada' } }, oldSecret))
  assert.deepEqual([found.appId, found.userId], ['app', 'ada'])
  assert.deepEqual(linesOf(found), [
    'ok form: is a JSON Web Token',
    'ok tokenType: is "user"',
    'ok iss: is the app app (test)',
    'ok alg: HS256',
    'ok signature: is made with apps.app.secrets[1]',
    'ok exp: 2026-01-31T13:00:00Z, in 60 min',
    'ok nbf: 2026-01-31T12:00:00Z, 0 s ago',
    'ok iat: 2026-01-31T11:59:00Z, 60 s ago',
    'ok sub: "ada"',
    'ok user: is a profile',
  ])
})

const mistakes: [what: string, token: string, problem: RegExp][] = [
  ['is no token', 'nonsense', /^fail form: The token is not three parts/],
  ['has another type', sign({ ...good, tokenType: 'id' }), /^fail tokenType: is neither "user" nor "app"/],
  ['is of no app', sign({ ...good, iss: 'shop' }), /^fail iss: is the id of no app; the apps are app, other/],
  [
    'has an algorithm that the app does not accept',
    sign(good, secret, { alg: 'none' }),
    /^fail alg: .*HS256$/,
  ],
  ['is of an app without keys', sign({ ...good, iss: 'guests' }), /^fail alg: the app verifies no token/],
  ['has a wrong secret', sign(good, 'wrong'), /^fail signature: is made with none of the app's secrets/],
  ['is signed with decoded base64', sign(good, Buffer.from(secret, 'base64')), /base64: sign with the text/],
  [
    'is signed with a line break',
    sign(good, `${secret}\n`),
    /and a line break at its end: take the line break off/,
  ],
  ['has the secret of another app', sign(good, 'the secret of the other app'), /secret of the app other$/],
  ['has expired', sign({ ...good, exp: seconds - 300 }), /^fail exp: .* has expired \(2026-.*, 5 min ago\)/],
  ['never expires', sign({ ...good, exp: undefined }), /^fail exp: is missing/],
  ...(['exp', 'nbf', 'iat'] as const).map((part): [string, string, RegExp] => [
    `has ${part} in milliseconds`,
    sign({ ...good, [part]: now }),
    new RegExp(`^fail ${part}: is in milliseconds: give seconds`),
  ]),
  ['has a date that no calendar has', sign({ ...good, exp: -1 }), /^fail exp: is not a number of seconds/],
  ['begins later', sign({ ...good, nbf: seconds + 31 }), /^fail nbf: is more than 30 s ahead .*, in 31 s/],
  ['is made later', sign({ ...good, iat: seconds + 7_200 }), /^fail iat: .*, in 2 h/],
  ['has a fraction for a user', sign({ ...good, sub: 1.5 }), /^fail sub: must be .*; or a safe integer/],
  ['has no user', sign({ ...good, sub: '' }), /^fail sub: must be 1 to 255 bytes/],
  ['is of a guest', sign({ ...good, sub: 'guest:a' }), /^fail sub: begins with 'guest:'/],
  [
    'has a profile that is a text',
    sign({ ...good, user: 'Ada' }),
    /^fail user: is no profile: it must be an object$/,
  ],
  ['has a name that is null', sign({ ...good, user: { name: null } }), /: 'name' must be a text .*left out$/],
  ...['http://a.example/a.png', '/a.png', 'data:image/png;base64,AAAA', ''].map(
    (photoUrl): [string, string, RegExp] => [
      `has the photo '${photoUrl}'`,
      sign({ ...good, user: { name: 'Ada', photoUrl } }),
      /^fail user: is no profile: 'photoUrl' must be an https URL, or be left out$/,
    ],
  ),
  [
    'has a number in its own fields',
    sign({ ...good, user: { name: 'Ada', custom: { plan: 5 } } }),
    /: 'custom' must be an object of texts/,
  ],
  [
    'has more than 4 kB of profile',
    sign({ ...good, user: { name: 'Ada', custom: { note: 'x'.repeat(5_000) } } }),
    /: it has 5\d{3} bytes as JSON, 4096 at most are allowed, and most of them are in 'custom'$/,
  ],
]
for (const [what, token, problem] of mistakes)
  test(`a token that ${what} has that one problem, and no part of a secret is shown`, async () => {
    const problems = problemsOf(await report(token))
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', problem)
    assert.ok(!problems.join().includes(secret))
  })

test('a token without iat is good, with a warning about what that means', async () => {
  const problems = problemsOf(await report(sign({ ...good, iat: undefined })))
  assert.deepEqual(problems.length, 1)
  assert.match(problems[0] ?? '', /^warn iat: is missing/)
})

test('every mistake of a token is found at once', async () => {
  const problems = problemsOf(
    await report(sign({ iss: 'app', exp: seconds - 1, iat: 'now', sub: '..' }, 'wrong')),
  )
  assert.deepEqual(
    problems.map((line) => line.split(':')[0]),
    ['fail tokenType', 'fail signature', 'fail exp', 'fail iat', 'fail sub'],
  )
})

test('a token of a key set is verified by its keys; a set that is away is said', async () => {
  const token = await new SignJWT({ ...good, iss: 'keys' })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)
  assert.deepEqual(problemsOf(await report(token)), [])
  const strangers = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const other = await new SignJWT({ ...good, iss: 'keys' })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(strangers)
  assert.deepEqual(problemsOf(await report(other)), [
    "fail signature: is made with no key of the app's key set",
  ])
  const away: KeySet = { ...keySet, resolve: () => Promise.reject(new Error('away')) }
  assert.match(problemsOf(await report(token, away)).join(), /^fail signature: can't be checked/)
})

test("a gateway's own token can't be checked without its engine", async () => {
  const [problem] = problemsOf(await report(sign({ ...good, tokenType: 'gateway' })))
  assert.match(problem ?? '', /^fail tokenType: is "gateway": only a gateway can verify it/)
})

test('the report of any user token agrees with the verifier', async () => {
  const verify = createTokenVerifier({ appId: 'app', secrets: [secret, oldSecret], now: () => now })
  const time = fc.oneof(
    fc.integer({ min: -100, max: 100 }).map((distance) => seconds + distance),
    fc.constantFrom(undefined, null, 'now', -1, 1e300, now),
  )
  const claims = fc.record({
    tokenType: fc.constantFrom('user', 'user', 'user', 'app', 5),
    iss: fc.constantFrom('app', 'app', 'app', 'other', undefined),
    sub: fc.oneof(fc.string(), fc.constantFrom('ada', 'guest:a', '..', 5)),
    iat: time,
    nbf: time,
    exp: time,
    user: fc.constantFrom(undefined, {}, { name: 'Ada' }, { name: 5 }, 'Ada'),
  })
  const token = fc
    .tuple(claims, fc.constantFrom(secret, oldSecret, 'wrong'))
    .map(([given, key]) => sign(given, key))
  await fc.assert(
    fc.asyncProperty(token, async (text) => {
      const { findings } = await report(text)
      const isGood = !findings.some(({ level }) => level === 'fail')
      const isUserToken = !findings.some(
        ({ part, text: said }) => part === 'tokenType' && said.includes('REST'),
      )
      assert.equal(isGood && isUserToken, (await verify(text)).ok)
    }),
    { numRuns: 2_000 },
  )
})

test('a report of any text, and of any claims, is made without an error', async () => {
  const anyClaims = fc
    .tuple(fc.jsonValue(), fc.jsonValue())
    .map(([header, claims]) => `${encode(header)}.${encode(claims)}.AAAA`)
  const nearly = fc
    .record({
      alg: fc.jsonValue(),
      iss: fc.constantFrom('app', 'keys', 'guests'),
      sub: fc.jsonValue(),
      exp: fc.jsonValue(),
    })
    .map(({ alg, ...claims }) => `${encode({ alg })}.${encode(claims)}.AAAA`)
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), anyClaims, nearly), async (text) => {
      const { findings } = await report(text)
      assert.ok(findings.some(({ level }) => level === 'fail'))
    }),
    { numRuns: 1_000 },
  )
})

test('a token of type app, for the REST API, stands for no user, whatever its sub is', async () => {
  for (const sub of ['ada', undefined]) {
    const found = await report(sign({ ...good, tokenType: 'app', sub }))
    assert.deepEqual([problemsOf(found), found.appId, found.userId], [[], 'app', null])
  }
})
