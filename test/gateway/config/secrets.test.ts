import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConfig } from '../../../src/gateway/config/parse.js'
import { scratchFolder } from '../../support/scratch-folder.js'

type Env = Record<string, string | undefined>
const long = (mark: string): string => mark.repeat(32)
const url = 'https://www.example.com/hook'
const whsec = (key: string): string => `whsec_${Buffer.from(key).toString('base64')}`
const problemsOf = (apps: unknown, env: Env = {}): string[] => {
  const parsed = parseConfig({ apps }, env)
  return parsed.ok ? [] : parsed.problems
}
const testApp = (more: object) => ({ environment: 'test', ...more })
const productionApp = (more: object) => ({
  environment: 'production',
  // These apps have signatures, which never expire.
  requireExpiry: false,
  origins: ['https://www.example.com'],
  ...more,
})

test('a secret may come from the environment', () => {
  const apps = { a: testApp({ secrets: [{ env: 'TOKEN_SECRET' }, 'inline'] }) }
  const parsed = parseConfig({ apps }, { TOKEN_SECRET: 'from outside' })
  assert.deepEqual(parsed.ok && parsed.config.apps.get('a')?.secrets, ['from outside', 'inline'])
})

test('a secret whose environment variable is not set, or empty, is an error that names the variable', () => {
  const apps = { a: testApp({ secrets: [{ env: 'TOKEN_SECRET' }], signatureSecrets: [{ env: 'EMPTY' }] }) }
  assert.deepEqual(problemsOf(apps, { EMPTY: '' }), [
    'apps.a.secrets[0].env: the environment variable TOKEN_SECRET is not set, or empty',
    'apps.a.signatureSecrets[0].env: the environment variable EMPTY is not set, or empty',
  ])
})

const folder = scratchFolder()
/** Writes a file, and returns its name. */
const written = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test('a secret may come from a file', () => {
  const file = written('plain', 'from a file')
  const apps = { a: testApp({ secrets: [{ file: relative('.', file) }] }) }
  const parsed = parseConfig({ apps }, {})
  assert.deepEqual(parsed.ok && parsed.config.apps.get('a')?.secrets, ['from a file'])
})

/** A secret in each of the places that a config has, with this text after it. */
const everywhere = (end: string) => {
  const key = Buffer.alloc(32, 7).toString('base64url')
  const names = { secrets: long('1'), signatureSecrets: long('2'), token: long('3'), readToken: long('4') }
  const hooks = { authenticate: whsec(long('5')), authorize: whsec(long('6')), webhooks: whsec(long('7')) }
  const values = { ...names, ...hooks, key, redis: 'redis://user:word@localhost:6379/1' }
  const configWith = (place: (name: keyof typeof values) => unknown) => ({
    admin: { token: place('token'), readToken: place('readToken') },
    engine: { type: 'redis', url: place('redis') },
    apps: {
      a: productionApp({
        secrets: [place('secrets')],
        signatureSecrets: [place('signatureSecrets')],
        authenticateUrl: { url, secrets: [place('authenticate')] },
        authorizeSendUrl: { url, secrets: [place('authorize')] },
        webhooks: { url, secrets: [place('webhooks')] },
        push: { subject: 'mailto:ops@example.com', url, privateKey: place('key') },
      }),
    },
  })
  const env = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name.toUpperCase(), value + end]),
  )
  return {
    env,
    inline: configWith((name) => values[name] + end),
    variables: configWith((name) => ({ env: name.toUpperCase() })),
    files: configWith((name) => ({ file: written(name, values[name] + end) })),
    paths: Object.keys(values).length,
  }
}

for (const [what, end] of [
  ['nothing', ''],
  ['a line break', '\n'],
  ['a line break of Windows', '\r\n'],
])
  test(`${what} at the end is no part of a secret, in every place and from every source`, () => {
    const { env, inline, variables, files } = everywhere(end ?? '')
    const plain = parseConfig(everywhere('').inline, {})
    assert.ok(plain.ok)
    for (const config of [inline, variables, files]) {
      const parsed = parseConfig(config, env)
      assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.join('\n'))
      assert.deepEqual(parsed.config, plain.config)
    }
  })

for (const end of [' ', '\t', '\n\n', ' \n', '\n ', '\u00a0'])
  test(`${JSON.stringify(end)} at the end of a secret is refused, in every place and from every source`, () => {
    const { env, inline, variables, files, paths } = everywhere(end)
    for (const [config, sentence] of [
      [inline, /: begins or ends with white space: take it off$/],
      [variables, /\.env: the environment variable [A-Z]+ begins or ends with white space: take it off$/],
      [files, /\.file: the file named here begins or ends with white space: take it off$/],
    ] as const) {
      const parsed = parseConfig(config, env)
      const problems = parsed.ok ? [] : parsed.problems
      assert.equal(problems.length, paths, problems.join('\n'))
      for (const problem of problems) assert.match(problem, sentence)
    }
  })

test('white space at the beginning of a secret is refused too', () => {
  assert.deepEqual(problemsOf({ a: testApp({ secrets: [' a', { env: 'LINE' }] }) }, { LINE: '\na' }), [
    'apps.a.secrets[0]: begins or ends with white space: take it off',
    'apps.a.secrets[1].env: the environment variable LINE begins or ends with white space: take it off',
  ])
})

test('a secret that is nothing but a line break is empty', () => {
  const secrets = ['\n', { env: 'LINE' }, { file: written('line', '\r\n') }]
  assert.deepEqual(problemsOf({ a: testApp({ secrets }) }, { LINE: '\n' }), [
    'apps.a.secrets[0]: is empty; `openssl rand -base64 32` makes a good secret',
    'apps.a.secrets[1].env: the environment variable LINE is not set, or empty',
    'apps.a.secrets[2].file: the file named here is empty',
  ])
})

test('a file that holds no secret is an error that says why, and repeats no part of it', () => {
  spawnSync('mkfifo', [join(folder, 'pipe')])
  for (const [file, why] of [
    [join(folder, 'c2VjcmV0-none'), 'ENOENT'],
    [folder, 'it is no file'],
    [join(folder, 'pipe'), 'it is no file'],
    [written('large', 'c2VjcmV0'.repeat(10_000)), 'more than 65536 bytes'],
    [written('bytes', Buffer.from([0xff, 0xfe, 0x41])), 'it is not UTF-8'],
  ] as const) {
    const [problem = '', ...others] = problemsOf({ a: testApp({ secrets: [{ file }] }) })
    assert.deepEqual(others, [])
    assert.match(problem, /^apps\.a\.secrets\[0\]\.file: the file named here can't be read: /)
    assert.ok(problem.includes(why) && !problem.includes('c2VjcmV0'), problem)
  }
})

test('an admin token that is too short is told so, and not as the secret of an app', () => {
  const parsed = parseConfig({ admin: { token: 'short' }, apps: { a: testApp({}) } }, {})
  assert.deepEqual(parsed.ok || parsed.problems, [
    'admin.token: is too short: an admin token has 32 bytes or more; `openssl rand -base64 32` makes one',
  ])
})

test('the files of TLS may be written as those of secrets', () => {
  const tls = { cert: { file: 'cert.pem' }, key: { file: 'key.pem' } }
  const engine = { type: 'redis', url: 'rediss://localhost', tls: { ...tls, ca: { file: 'ca.pem' } } }
  const parsed = parseConfig({ listen: { tls }, engine, apps: { a: testApp({}) } }, {})
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.join())
  assert.deepEqual(parsed.config.listen.tls, { cert: 'cert.pem', key: 'key.pem' })
  assert.deepEqual('tls' in parsed.config.engine && parsed.config.engine.tls, {
    ...{ ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' },
  })
})

test('a property that every object inherits is no environment variable', () => {
  assert.deepEqual(problemsOf({ a: testApp({ secrets: [{ env: 'toString' }] }) }), [
    'apps.a.secrets[0].env: the environment variable named here is not set, or empty',
  ])
})

test('a secret is a string or names a variable or a file, and what is written otherwise is told all three', () => {
  const secrets = [5, null, ['x'], { env: 5 }, { file: 5 }, {}, { env: 'A', file: 'b' }, { File: 'b' }]
  const problems = problemsOf({ a: testApp({ secrets }) }, { A: 'a' })
  assert.deepEqual(
    problems.map((problem) => problem.split(': ')[0]),
    secrets.map((_, n) => `apps.a.secrets[${n}]${{ 3: '.env', 4: '.file' }[n] ?? ''}`),
  )
  for (const problem of problems.slice(5))
    assert.match(problem, /must be a string, \{ "env": "NAME" \} .* or \{ "file": "PATH" \}/)
})

test("a production app's secrets have 32 bytes or more, wherever they come from", () => {
  const short = 'a'.repeat(31)
  const paths = problemsOf(
    { a: productionApp({ secrets: [short, { env: 'SHORT' }], signatureSecrets: ['ä'.repeat(15)] }) },
    { SHORT: 'b'.repeat(31) },
  )
  assert.deepEqual(
    paths.map((problem) => problem.split(': ').slice(0, 2)),
    ['secrets[0]', 'secrets[1]', 'signatureSecrets[0]'].map((path) => [`apps.a.${path}`, 'is too short']),
  )
})

test('the length of a secret is counted in bytes', () => {
  assert.deepEqual(problemsOf({ a: productionApp({ secrets: ['ä'.repeat(16), 'a'.repeat(32)] }) }), [])
})

test("a test app's secrets may be short, but not empty", () => {
  assert.deepEqual(problemsOf({ a: testApp({ secrets: ['a'] }) }), [])
  assert.deepEqual(problemsOf({ a: testApp({ secrets: [''] }) }), [
    'apps.a.secrets[0]: is empty; `openssl rand -base64 32` makes a good secret',
  ])
})

const same = (where: string, first: string): string =>
  `${where}: is the same secret as ${first}; every app and every use needs its own`

test('a secret that stands twice is refused wherever it stands: in a list, for two uses, in two apps, and as an admin token', () => {
  const twice = whsec(long('4'))
  const push = {
    subject: 'mailto:ops@example.com',
    url: 'https://www.example.com',
    privateKey: Buffer.alloc(32, 7).toString('base64url'),
  }
  const parsed = parseConfig(
    {
      admin: { token: long('1'), readToken: long('1') },
      apps: {
        a: productionApp({
          secrets: [long('1'), long('4'), long('4')],
          signatureSecrets: [long('4')],
          authenticateUrl: { url, secrets: [twice] },
          webhooks: { url, secrets: [{ env: 'HOOK' }, whsec(long('5'))] },
        }),
        b: testApp({ secrets: [whsec(long('5'))] }),
        c: testApp({ secrets: [Buffer.alloc(32, 7).toString('latin1')], push }),
        d: testApp({ push }),
      },
    },
    { HOOK: twice },
  )
  assert.deepEqual(parsed.ok || parsed.problems, [
    same('admin.readToken', 'admin.token'),
    same('apps.a.secrets[0]', 'admin.token'),
    same('apps.a.secrets[2]', 'apps.a.secrets[1]'),
    same('apps.a.signatureSecrets[0]', 'apps.a.secrets[1]'),
    same('apps.a.authenticateUrl.secrets[0]', 'apps.a.secrets[1]'),
    same('apps.a.webhooks.secrets[0]', 'apps.a.secrets[1]'),
    same('apps.b.secrets[0]', 'apps.a.webhooks.secrets[1]'),
    same('apps.c.push.privateKey', 'apps.c.secrets[0]'),
    same('apps.d.push.privateKey', 'apps.c.secrets[0]'),
  ])
})

/** Any JSON, mostly close to a config, with `leaf` among its values. */
const nearlyConfig = (leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => {
  const value = fc.oneof(
    { weight: 3, arbitrary: leaf },
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('test', 'production', 'redis', 'memory', 'RS256', 'SECRET'),
  )
  const list = fc.array(value, { maxLength: 3 })
  const object = <T>(fields: Record<string, fc.Arbitrary<T>>) =>
    fc.oneof({ weight: 4, arbitrary: fc.record<unknown>(fields, { requiredKeys: [] }) }, value)
  const secrets = fc.oneof(list, fc.array(object({ env: value }), { maxLength: 3 }), value)
  const app = object<unknown>({
    environment: fc.oneof(fc.constantFrom('test', 'production'), value),
    secrets,
    signatureSecrets: secrets,
    jwks: object<unknown>({ url: value, keys: list, algorithms: list }),
    origins: fc.oneof(list, value),
    guests: value,
    profiles: value,
    requireExpiry: value,
    authenticate: value,
    authenticateUrl: object<unknown>({ url: value, secrets, forwardHeaders: fc.oneof(list, value) }),
    webhooks: object<unknown>({ url: value, secrets, events: fc.oneof(list, value), unreadAfter: value }),
    limits: object<unknown>({ sessionsPerUser: value, messagesPerSecond: value }),
    unknown: value,
  })
  return object<unknown>({
    listen: object<unknown>({
      host: value,
      port: value,
      trustProxy: value,
      tls: object({ cert: value, key: value }),
    }),
    admin: object<unknown>({ token: fc.oneof(object({ env: value }), value), readToken: value }),
    engine: object({ type: value, path: value, url: value }),
    pingInterval: value,
    startTimeout: value,
    apps: fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), app, { maxKeys: 3 }),
    unknown: value,
  })
}

test('no problem repeats a secret or a part of one, wherever it stands in the config', () => {
  const secret = fc
    .uint8Array({ minLength: 6, maxLength: 48 })
    .map((bytes) => Buffer.from(bytes).toString('base64'))
    // A text of capital letters and digits alone could be the name of a variable, which a problem may repeat.
    .filter((value) => /[^A-Z0-9_]/.test(value))
  const given = secret.chain((value) =>
    fc.tuple(
      fc.constant(value),
      nearlyConfig(
        fc.constantFrom(value, `https://me:${value}@id.example.com`, `https://id.example.com/${value}`),
      ),
    ),
  )
  let refused = 0
  fc.assert(
    fc.property(given, ([value, config]) => {
      const parsed = parseConfig(config, { PORT: value, SECRET: value })
      if (parsed.ok) return
      refused += 1
      const text = parsed.problems.join('\n')
      for (let at = 0; at + 6 <= value.length; at += 1)
        assert.ok(!text.includes(value.slice(at, at + 6)), text)
    }),
    { numRuns: 500 },
  )
  assert.ok(refused > 100, `only ${refused} configs were refused: too few to test`)
})
