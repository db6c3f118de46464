// Texts of clients and backends: frames, tokens, signatures. A corpus of texts that have broken parsers, and changes of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientFrames, gatewayFrames, isUserId, parse, parseProfile } from '../../../src/protocol/index.js'
import { parseConfig } from '../../../src/gateway/config/parse.js'
import { createSignature, createTokenVerifier, verifySignature } from '../../../src/tokens/index.js'
import { base64url, claims, forge, noon, secret } from '../../support/forged-tokens.js'
import { runs } from './support.js'

/** Repeated characters that may break a parser, a log or a regular expression. */
const LONG = ['"', '\\', '{"a":', '[', '\u0000', 'A', 'é', '\ud800', ' ', '.', '"a" ', ',', '{},'].map(
  (part) => part.repeat(Math.ceil(300_000 / part.length)),
)
const ODD = [
  '',
  '..',
  '.',
  '...',
  'null',
  '{}',
  '{"__proto__":null}',
  '{"alg":"none"}',
  '{"alg":"HS256","alg":"none"}',
  '\ufeff{}',
  '1e999',
  '\u202e',
  'constructor',
  ...LONG,
]

const anyText = fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: 'binary' }), fc.json())

test('a text of 300 kB of any one character is parsed as a frame, a token, a signature and an id, to a result', async () => {
  const verify = createTokenVerifier({ appId: 'hF83jaq', secrets: [secret] })
  for (const text of ODD) {
    for (const table of [clientFrames, gatewayFrames]) assert.equal(parse(table, text).ok, false)
    assert.equal((await verify(text)).ok, false)
    assert.equal((await verify(`${base64url(text)}.${base64url(text)}.${base64url(text)}`)).ok, false)
    assert.equal(await verifySignature('ann', text, [secret]), false)
    assert.equal(await verifySignature(text, 'a'.repeat(64), [secret]), false)
    if (LONG.includes(text)) assert.equal(isUserId(text), false)
  }
})

test('claims and headers of any JSON, correctly signed, are accepted only as a user of the app', async () => {
  const verify = createTokenVerifier({ appId: 'hF83jaq', secrets: [secret], now: () => noon })
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(
      'hF83jaq',
      'user',
      'gateway',
      'app',
      '12345',
      'guest:1',
      '..',
      1e300,
      -1,
      noon,
      null,
    ),
  )
  const changed = (names: string[]) => fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 3 })
  const header = changed(['alg', 'typ', 'kid', 'crit', 'b64', 'jwk', 'jku', 'zip', 'x5c']).map((changes) => ({
    alg: 'HS256',
    ...changes,
  }))
  const payload = changed(['tokenType', 'iss', 'sub', 'iat', 'exp', 'nbf', 'user', 'jti', 'aud', '__proto__'])
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(fc.oneof(payload.map(claims), odd), fc.oneof(header, odd), async (body, head) => {
      const result = await verify(forge(body, head))
      if (!result.ok) return assert.match(result.code, /^(unauthenticated|token-expired)$/)
      accepted += 1
      const { iss, tokenType, sub } = body as Record<string, unknown>
      assert.deepEqual([iss, tokenType], ['hF83jaq', 'user'])
      // A number counts as its digits.
      assert.equal(result.claims.userId, Number.isSafeInteger(sub) ? String(sub) : sub)
      assert.ok(isUserId(result.claims.userId) && !result.claims.userId.startsWith('guest:'))
      const { user } = result.claims
      if (user) assert.deepEqual(parseProfile(user), user)
    }),
    { numRuns: runs(2_000) },
  )
  assert.ok(accepted > 10, `only ${accepted} tokens were accepted, too few for the test`)
})

test('a signature is accepted only for the id that it was made for', async () => {
  const good = await createSignature('ann', secret)
  const signatures = fc.oneof(
    anyText,
    fc.constantFrom(
      good,
      good.toUpperCase(),
      `${good} `,
      `0${good}`,
      good.slice(1),
      `${good}\n`,
      good.replace(/./, 'g'),
    ),
    fc.stringMatching(/^[0-9a-fA-F]{60,68}$/),
  )
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.constant('ann'), anyText), signatures, async (userId, signature) => {
      const isGood = userId === 'ann' && signature.toLowerCase() === good
      assert.equal(await verifySignature(userId, signature, [secret]), isGood)
    }),
    { numRuns: runs(1_000) },
  )
})

/** Values that a config module can export and JSON can't contain. */
const strange = [
  undefined,
  NaN,
  Infinity,
  -0,
  10n,
  Symbol('x'),
  () => undefined,
  new Date(NaN),
  new Map(),
  new Proxy({}, {}),
  Object.create(null) as object,
  [undefined],
  Array(3),
  /x/,
  Buffer.from('x'),
  new (class Config {
    port = 1
  })(),
]
const circular: Record<string, unknown> = {}
circular['apps'] = circular

test('a config with any value, of a module too, at any place is answered with a config or its problems', () => {
  const good = () => ({
    listen: { host: '127.0.0.1', port: 0, trustProxy: 0 },
    engine: { type: 'memory' },
    pingInterval: 25,
    startTimeout: 10,
    resumeWindow: 120,
    apps: {
      a: {
        environment: 'test',
        secrets: ['one', { env: 'SECRET' }],
        signatureSecrets: ['two'],
        jwks: { url: 'https://example.com/keys', algorithms: ['RS256'] },
        origins: ['https://example.com'],
        retention: { messages: 10, days: 1 },
        limits: { sessionsPerUser: 2 },
      },
    },
  })
  type Path = (string | number)[]
  const pathsOf = (value: unknown, path: Path = []): Path[] =>
    typeof value === 'object' && value !== null
      ? [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))]
      : [path]
  const put = (value: unknown, [key, ...rest]: Path, other: unknown): unknown => {
    if (key === undefined) return other
    const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<
      string,
      unknown
    >
    copy[key] = put(copy[key], rest, other)
    return copy
  }
  const env = { SECRET: 'three' }
  assert.equal(parseConfig(good(), env).ok, true)
  const check = (config: unknown): void => {
    const parsed = parseConfig(config, env)
    if (parsed.ok) return
    assert.ok(parsed.problems.length > 0)
    for (const problem of parsed.problems) assert.match(problem, /: \S/)
  }
  for (const path of pathsOf(good()))
    for (const value of [...strange, ...ODD, circular, [], {}, 0, -1, 2 ** 53, null, true])
      check(put(good(), path, value))
  fc.assert(
    fc.property(
      fc.constantFrom(...pathsOf(good())),
      fc.anything({ withBigInt: true, withDate: true, withMap: true }),
      (path, value) => check(put(good(), path, value)),
    ),
    { numRuns: runs(1_000) },
  )
})
