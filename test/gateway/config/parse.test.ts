import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../../../src/gateway/config/fields.js'
import { defaultConnections } from '../../../src/gateway/config/open-files.js'
import { parseConfig, type AppConfig, type Settings } from '../../../src/gateway/config/parse.js'

const secret = (mark: string): string => mark.padEnd(32, '-')
const webhookSecret = `whsec_${Buffer.from(secret('webhook')).toString('base64')}`
const testApp = { environment: 'test' } satisfies AppConfig
const productionApp = {
  environment: 'production',
  secrets: [secret('production')],
  origins: ['https://www.example.com'],
} satisfies AppConfig

const accepted = (input: unknown, env: Record<string, string | undefined> = {}): Settings => {
  const parsed = parseConfig(input, env)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.join('\n'))
  return parsed.config
}
const problemsOf = (input: unknown, env: Record<string, string | undefined> = {}): string[] => {
  const parsed = parseConfig(input, env)
  assert.ok(!parsed.ok, 'the config was accepted')
  return parsed.problems
}
/** The paths of all problems, in order. */
const pathsOf = (input: unknown, env?: Record<string, string | undefined>): string[] =>
  problemsOf(input, env).map((problem) => problem.slice(0, problem.indexOf(': ')))
const app = (config: unknown) => ({ apps: { a: config } })
const appSettings = (config: AppConfig) => accepted(app(config)).apps.get('a')

test('a config that names only a test app gets the defaults, as the gateway uses them', () => {
  const { listen, admin, engine, pingInterval, limits, apps } = accepted({ apps: { hF83jaq: testApp } })
  assert.deepEqual(listen, {
    ...{ host: '127.0.0.1', port: 8080, path: null, mode: 0o660, trustProxy: 0, tls: null },
  })
  assert.equal(admin, null)
  assert.deepEqual(engine, { type: 'embedded', path: './data', cacheBytes: 67_108_864 })
  assert.equal(pingInterval, 25_000)
  assert.equal(limits.connections, defaultConnections())
  const { appId, origins, jwks, authenticate, retention } = apps.get('hF83jaq') ?? assert.fail()
  assert.deepEqual([appId, origins, jwks, authenticate], ['hF83jaq', 'any', null, null])
  assert.deepEqual(retention, { messages: 1000, age: 30 * 86_400_000, bytes: 16_777_216 })
})

test('a production app is strict by default: no guests, vouched profiles, tokens that expire', () => {
  const lenient = new Map<string, unknown>(Object.entries(appSettings(testApp) ?? {}))
  const strict = Object.entries(appSettings(productionApp) ?? {})
  assert.deepEqual(
    Object.fromEntries(strict.filter(([key, value]) => !isDeepStrictEqual(value, lenient.get(key)))),
    {
      environment: 'production',
      origins: new Set(['https://www.example.com']),
      secrets: [secret('production')],
      guests: false,
      profiles: 'vouched',
      requireExpiry: true,
      send: 'users',
      unknownRecipients: false,
    },
  )
})

/** Returns `value` with the keys of `like` alone. */
const only = (value: unknown, like: unknown): unknown =>
  isObject(value) && isObject(like) && Object.getPrototypeOf(like) === Object.prototype
    ? Object.fromEntries(Object.keys(like).map((key) => [key, only(value[key], like[key])]))
    : value

test('a value in the config wins over its default', () => {
  const authenticate = () => Promise.resolve({ ok: true as const })
  const authorizeSend = () => true
  const listen = { host: '::', port: 0, trustProxy: 2, tls: { cert: 'cert.pem', key: 'key.pem' } }
  const limits = { connections: 7, connectionsPerAddress: 8, connectionsPerSecondPerAddress: 9 }
  const appLimits = {
    sessionsPerUser: 3,
    messagesPerSecond: 4,
    requestsPerSecond: 7,
    signalsPerSecond: 8,
    bytesPerSecond: 2_000,
    restPerSecond: 10,
    unreadPerSender: 0.25,
    guests: 0,
    inboxes: 5,
    bytes: 6,
  }
  const given = {
    engine: { type: 'memory' },
    pingInterval: 0.25,
    startTimeout: 300,
    resumeWindow: 60,
    leaveWindow: 0,
    sendWindow: 7200,
    drainTime: 0.5,
    limits,
  } as const
  const admin = { host: '0.0.0.0', port: 0, token: secret('admin') }
  const givenApp = {
    environment: 'production',
    secrets: [secret('one'), { env: 'TWO' }],
    signatureSecrets: [secret('three')],
    jwks: { url: 'https://id.example.com/keys', algorithms: ['ES256', 'EdDSA'] },
    origins: ['https://www.example.com', 'http://localhost:3000'],
    guests: true,
    profiles: 'anyone',
    requireExpiry: false,
    authenticate,
    webhooks: {
      url: 'http://localhost:3000/hook',
      secrets: [webhookSecret],
      events: ['message.created'],
      unreadAfter: 60,
    },
    push: {
      subject: 'mailto:ops@example.com',
      url: 'http://localhost:3000/messages?from={from}',
      after: 2,
      ttl: 60,
      title: 'Mail',
      content: 'none',
      privateKey: { env: 'PUSH' },
      hosts: ['Push.Example.com', '*.example.com'],
    },
    send: 'backend',
    authorizeSend,
    unknownRecipients: true,
    signals: 'anyone',
    presence: 'nobody',
    adoption: 'backend',
    retention: { messages: 5, days: 0.5, bytes: 50 },
    limits: appLimits,
  } satisfies AppConfig
  const config = { listen, admin: { ...admin, readToken: { env: 'READ' } }, ...given, apps: { a: givenApp } }
  const { apps, ...rest } = accepted(config, {
    TWO: secret('two'),
    READ: secret('read'),
    PUSH: Buffer.alloc(32, 7).toString('base64url'),
  })
  const expected = {
    ...given,
    listen: { ...listen, path: null, mode: 0o660 },
    admin: { ...admin, readToken: secret('read') },
    pingInterval: 250,
    startTimeout: 300_000,
    resumeWindow: 60_000,
    sendWindow: 7_200_000,
    drainTime: 500,
  }
  assert.deepEqual(only(rest, expected), expected)
  const { webhooks, push } = givenApp
  const expectedApp = {
    ...givenApp,
    ...{ appId: 'a', authenticateUrl: null, authorizeSendUrl: null },
    secrets: [secret('one'), secret('two')],
    origins: new Set(givenApp.origins),
    webhooks: { ...webhooks, secrets: [Buffer.from(secret('webhook'))], unreadAfter: 60_000 },
    push: {
      ...push,
      after: 2_000,
      privateKey: Buffer.alloc(32, 7),
      hosts: ['push.example.com', '*.example.com'],
    },
    retention: { messages: 5, age: 43_200_000, bytes: 50 },
  }
  assert.deepEqual(only(apps.get('a'), expectedApp), expectedApp)
})

test('a key that is undefined counts as absent, so that a config module can leave keys out by a condition', () => {
  const { apps, engine } = accepted({
    engine: undefined,
    admin: undefined,
    apps: { a: { ...testApp, guests: undefined } },
  })
  assert.equal(apps.get('a')?.guests, true)
  assert.equal(engine.type, 'embedded')
})

test('an embedded engine keeps its data in engine.path, and up to engine.cacheBytes in memory', () => {
  const { engine } = accepted({ engine: { path: '/var/lib/chat', cacheBytes: 2 ** 30 }, ...app(testApp) })
  assert.deepEqual(engine, { type: 'embedded', path: '/var/lib/chat', cacheBytes: 2 ** 30 })
})

test('PORT in the environment overrides the port, and an empty one does not', () => {
  const config = { listen: { port: 1234 }, ...app(testApp) }
  assert.equal(accepted(config, { PORT: '0' }).listen.port, 0)
  assert.equal(accepted(config, { PORT: '65535' }).listen.port, 65_535)
  assert.equal(accepted(config, { PORT: '' }).listen.port, 1234)
  for (const PORT of ['65536', '-1', '80.5', '0x50', ' 80', 'http']) {
    assert.deepEqual(problemsOf(config, { PORT }), [
      'PORT: the environment variable must be a whole number from 0 to 65535',
    ])
  }
})

test('the admin listener has an address of its own', () => {
  const admin = { token: secret('admin'), port: 8080 }
  const problem = ['admin.port: is the port of listen too, on the same host; give the admin listener its own']
  assert.deepEqual(problemsOf({ admin, ...app(testApp) }), problem)
  assert.deepEqual(problemsOf({ admin: { token: admin.token }, ...app(testApp) }, { PORT: '9090' }), problem)
  accepted({ admin: { ...admin, host: '::1' }, ...app(testApp) })
  accepted({ admin: { ...admin, port: 0 }, listen: { port: 0 }, ...app(testApp) })
})

test('all problems are returned at once, each with its path', () => {
  const config = {
    listen: { port: '80', hots: 'localhost', tls: { cert: 'cert.pem' } },
    engine: { type: 'sqlite' },
    pingInterval: 0,
    startTimeOut: 5,
    apps: {
      'bad id': { environment: 'test', guests: 'yes' },
      b: {
        environment: 'production',
        secrets: ['short', 7],
        jwks: { url: 'ftp://b', algorithms: ['HS256'] },
      },
      c: { environment: 'staging', limits: { sessionsPerUser: 0 }, authenticate: 'yes' },
      d: null,
    },
  }
  assert.deepEqual(
    pathsOf(config).sort(),
    [
      'startTimeOut',
      'pingInterval',
      'listen.hots',
      'listen.port',
      'listen.tls.key',
      'engine.type',
      'apps["bad id"]',
      'apps["bad id"].guests',
      'apps.b.origins',
      'apps.b.secrets[0]',
      'apps.b.secrets[1]',
      'apps.b.jwks.url',
      'apps.b.jwks.algorithms[0]',
      'apps.c.environment',
      'apps.c.limits.sessionsPerUser',
      'apps.c.authenticate',
      'apps.d',
    ].sort(),
  )
})

test('an unknown key is an error that lists the known ones', () => {
  assert.deepEqual(problemsOf(app({ ...testApp, limits: { sessionPerUser: 5 } })), [
    'apps.a.limits.sessionPerUser: unknown key; the known keys are sessionsPerUser, messagesPerSecond, requestsPerSecond, signalsPerSecond, bytesPerSecond, restPerSecond, unreadPerSender, guests, inboxes, bytes',
  ])
})

test('a key that every JavaScript object inherits is unknown like any other', () => {
  const config: unknown = JSON.parse(
    '{ "toString": 1, "apps": { "a": { "environment": "test", "__proto__": {}, "constructor": 1 } } }',
  )
  assert.deepEqual(pathsOf(config), ['toString', 'apps.a.__proto__', 'apps.a.constructor'])
})

test('an app id may be the name of a JavaScript built-in', () => {
  const config: unknown = JSON.parse(
    '{ "apps": { "__proto__": { "environment": "test" }, "constructor": { "environment": "test" } } }',
  )
  assert.deepEqual([...accepted(config).apps.keys()], ['__proto__', 'constructor'])
})

test('a missing environment is an error', () => {
  assert.deepEqual(problemsOf(app({})), ['apps.a.environment: is missing: must be "test" or "production"'])
})

test('an inbox keeps a tenth of the app’s bytes by default, and 16 MiB at most', () => {
  for (const [bytes, kept] of [
    [1_000, 100],
    [6, 1],
    [167_772_150, 16_777_215],
    [167_772_170, 16_777_216],
  ])
    assert.equal(appSettings({ ...testApp, limits: { bytes } })?.retention.bytes, kept)
})

test('an app id is 1 to 64 letters, digits, hyphens and underscores', () => {
  for (const id of ['', 'a b', 'ä', 'a.b', 'a'.repeat(65)])
    assert.match(problemsOf({ apps: { [id]: testApp } }).join(), /an app id is 1 to 64 of letters/, id)
  for (const id of ['a', '-', '_', '0', 'a'.repeat(64)]) accepted({ apps: { [id]: testApp } })
})
