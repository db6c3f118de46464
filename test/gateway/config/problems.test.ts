import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/gateway/config/parse.js'

const testApp = { environment: 'test' }
const token = 'a'.repeat(32)
const url = 'https://www.example.com/hook'
const secrets = [`whsec_${Buffer.from('secret').toString('base64')}`]
const app = (config: unknown) => ({ apps: { a: config } })
const problemsOf = (config: unknown): string[] => {
  const parsed = parseConfig(config, {})
  return parsed.ok ? [] : parsed.problems
}
const pathsOf = (config: unknown): string[] =>
  problemsOf(config).map((problem) => problem.slice(0, problem.indexOf(': ')))

const wrongTypes: [path: string, config: unknown][] = [
  ['config', 'text'],
  ['config', null],
  ['config', []],
  ['apps', {}],
  ['apps', { apps: {} }],
  ['apps', { apps: [testApp] }],
  ['apps.a', app(null)],
  ['apps.a', app([])],
  ['apps.a.environment', app({})],
  ['apps.a.environment', app({ environment: 'Production' })],
  ['apps.a.secrets', app({ ...testApp, secrets: 'text' })],
  ['apps.a.secrets', app({ ...testApp, secrets: null })],
  ['apps.a.signatureSecrets[0]', app({ ...testApp, signatureSecrets: [1] })],
  ['apps.a.jwks', app({ ...testApp, jwks: 'https://id.example.com' })],
  ['apps.a.jwks.algorithms', app({ ...testApp, jwks: { url: 'https://id.example.com' } })],
  ['apps.a.jwks.algorithms', app({ ...testApp, jwks: { url: 'https://id.example.com', algorithms: [] } })],
  ['apps.a.jwks.url', app({ ...testApp, jwks: { algorithms: ['RS256'] } })],
  ['apps.a.origins', app({ ...testApp, origins: 'https://example.com' })],
  ['apps.a.origins', app({ ...testApp, origins: [] })],
  ['apps.a.origins[1]', app({ ...testApp, origins: ['https://example.com', 5] })],
  ['apps.a.guests', app({ ...testApp, guests: 1 })],
  ['apps.a.profiles', app({ ...testApp, profiles: 'none' })],
  ['apps.a.requireExpiry', app({ ...testApp, requireExpiry: 'false' })],
  ['apps.a.authenticate', app({ ...testApp, authenticate: {} })],
  ['apps.a.limits', app({ ...testApp, limits: null })],
  ['apps.a.limits.sessionsPerUser', app({ ...testApp, limits: { sessionsPerUser: 1.5 } })],
  ['apps.a.limits.sessionsPerUser', app({ ...testApp, limits: { sessionsPerUser: 10_001 } })],
  ['listen', { listen: null, ...app(testApp) }],
  ['listen.host', { listen: { host: '' }, ...app(testApp) }],
  ['listen.host', { listen: { host: 'http://localhost' }, ...app(testApp) }],
  ['listen.port', { listen: { port: -1 }, ...app(testApp) }],
  ['listen.port', { listen: { port: 65_536 }, ...app(testApp) }],
  ['listen.port', { listen: { port: 80.5 }, ...app(testApp) }],
  ['listen.trustProxy', { listen: { trustProxy: true }, ...app(testApp) }],
  ['listen.trustProxy', { listen: { trustProxy: -1 }, ...app(testApp) }],
  ['listen.tls', { listen: { tls: true }, ...app(testApp) }],
  ['listen.tls.cert', { listen: { tls: { cert: ' ', key: 'key.pem' } }, ...app(testApp) }],
  ['engine', { engine: 'memory', ...app(testApp) }],
  ['engine.path', { engine: { path: '' }, ...app(testApp) }],
  ['engine.cacheBytes', { engine: { cacheBytes: 1000 }, ...app(testApp) }],
  ['engine.path', { engine: { type: 'memory', path: './data' }, ...app(testApp) }],
  ['pingInterval', { pingInterval: '25', ...app(testApp) }],
  ['pingInterval', { pingInterval: -1, ...app(testApp) }],
  ['pingInterval', { pingInterval: 0.001, ...app(testApp) }],
  ['pingInterval', { pingInterval: Infinity, ...app(testApp) }],
  ['pingInterval', { pingInterval: NaN, ...app(testApp) }],
  ['pingInterval', { pingInterval: 3601, ...app(testApp) }],
  ['startTimeout', { startTimeout: 0, ...app(testApp) }],
  ['startTimeout', { startTimeout: 301, ...app(testApp) }],
  ['resumeWindow', { resumeWindow: -1, ...app(testApp) }],
  ['resumeWindow', { resumeWindow: 86_401, ...app(testApp) }],
  ['leaveWindow', { leaveWindow: '20', ...app(testApp) }],
  ['sendWindow', { sendWindow: 0, ...app(testApp) }],
  ['drainTime', { drainTime: 0, ...app(testApp) }],
  ['drainTime', { drainTime: 3601, ...app(testApp) }],
  ['apps.a.send', app({ ...testApp, send: 'guests' })],
  ['apps.a.authorizeSend', app({ ...testApp, authorizeSend: 'yes' })],
  ['apps.a.unknownRecipients', app({ ...testApp, unknownRecipients: 1 })],
  ['apps.a.retention', app({ ...testApp, retention: 30 })],
  ['apps.a.retention.messages', app({ ...testApp, retention: { messages: 0 } })],
  ['apps.a.retention.days', app({ ...testApp, retention: { days: 0 } })],
  ['apps.a.retention.weeks', app({ ...testApp, retention: { weeks: 4 } })],
  ['apps.a.limits.messagesPerSecond', app({ ...testApp, limits: { messagesPerSecond: 0 } })],
  ['apps.a.limits.inboxes', app({ ...testApp, limits: { inboxes: 1.5 } })],
  ['apps.a.limits.requestsPerSecond', app({ ...testApp, limits: { requestsPerSecond: 0 } })],
  ['apps.a.limits.bytesPerSecond', app({ ...testApp, limits: { bytesPerSecond: 1023 } })],
  ['apps.a.limits.unreadPerSender', app({ ...testApp, limits: { unreadPerSender: 0 } })],
  ['apps.a.limits.unreadPerSender', app({ ...testApp, limits: { unreadPerSender: 1.5 } })],
  ['apps.a.limits.guests', app({ ...testApp, limits: { guests: -1 } })],
  ['apps.a.retention.bytes', app({ ...testApp, retention: { bytes: 0 } })],
  ['apps.a.jwks.keys', app({ ...testApp, jwks: { algorithms: ['RS256'], keys: [] } })],
  ['apps.a.jwks.keys[0]', app({ ...testApp, jwks: { algorithms: ['RS256'], keys: ['key'] } })],
  ['admin', { admin: 'https://localhost', ...app(testApp) }],
  ['admin.token', { admin: {}, ...app(testApp) }],
  ['admin.token', { admin: { token: 'a'.repeat(31) }, ...app(testApp) }],
  ['admin.readToken', { admin: { token, readToken: 'short' }, ...app(testApp) }],
  ['admin.host', { admin: { token, host: 'http://localhost' }, ...app(testApp) }],
  ['admin.port', { admin: { token, port: 65_536 }, ...app(testApp) }],
  ['admin.password', { admin: { token, password: 'x' }, ...app(testApp) }],
  ['apps.a.authenticateUrl', app({ ...testApp, authenticateUrl: 'https://example.com' })],
  ['apps.a.authenticateUrl.url', app({ ...testApp, authenticateUrl: { secrets } })],
  ['apps.a.authenticateUrl.secrets', app({ ...testApp, authenticateUrl: { url } })],
  [
    'apps.a.authenticateUrl.forwardHeaders',
    app({ ...testApp, authenticateUrl: { url, secrets, forwardHeaders: 'cookie' } }),
  ],
  ['apps.a.webhooks', app({ ...testApp, webhooks: url })],
  ['apps.a.webhooks.url', app({ ...testApp, webhooks: { secrets } })],
  ['apps.a.webhooks.secrets', app({ ...testApp, webhooks: { url, secrets: [] } })],
  ['apps.a.webhooks.events', app({ ...testApp, webhooks: { url, secrets, events: [] } })],
  ['apps.a.webhooks.events[0]', app({ ...testApp, webhooks: { url, secrets, events: ['message.sent'] } })],
  ['apps.a.webhooks.unreadAfter', app({ ...testApp, webhooks: { url, secrets, unreadAfter: 0 } })],
  ['apps.a.limits.restPerSecond', app({ ...testApp, limits: { restPerSecond: 0 } })],
  ['limits', { limits: 5, ...app(testApp) }],
  ['limits.connections', { limits: { connections: 0 }, ...app(testApp) }],
  ['limits.connectionsPerAddress', { limits: { connectionsPerAddress: 1.5 }, ...app(testApp) }],
  [
    'limits.connectionsPerSecondPerAddress',
    { limits: { connectionsPerSecondPerAddress: '1' }, ...app(testApp) },
  ],
  ['apps.a.signatureSecrets', app({ ...testApp, signatureSecrets: ['a'], requireExpiry: true })],
  ['apps.a.limits.bytes', app({ ...testApp, limits: { bytes: '10 GB' } })],
]
for (const [path, config] of wrongTypes)
  test(`${JSON.stringify(config)} is refused for ${path}`, () => {
    assert.deepEqual(pathsOf(config), [path])
  })
