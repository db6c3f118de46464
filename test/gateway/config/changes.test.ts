import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changesOf, type ConfigChanges } from '../../../src/gateway/config/changes.js'
import { parseConfig, type GatewayConfig, type Settings } from '../../../src/gateway/config/parse.js'

const token = 'a'.repeat(32)
const base: GatewayConfig = {
  listen: { tls: { cert: 'cert.pem', key: 'key.pem' } },
  admin: { token },
  apps: { a: { environment: 'test', secrets: ['one'] }, b: { environment: 'test' } },
}
const settingsOf = (config: GatewayConfig): Settings => {
  const parsed = parseConfig(config, {})
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.join('\n'))
  return parsed.config
}
const changes = (config: Partial<GatewayConfig>): ConfigChanges =>
  changesOf(settingsOf(base), settingsOf({ ...base, ...config }))

test('the same config changes nothing', () => {
  const { settings, applied, needsRestart } = changes({})
  assert.deepEqual([applied, needsRestart], [[], []])
  assert.deepEqual(settings, settingsOf(base))
})

const applies: [path: string, config: Partial<GatewayConfig>][] = [
  ['listen.tls', { listen: { tls: { cert: 'other.pem', key: 'key.pem' } } }],
  ['admin.token', { admin: { token: 'b'.repeat(32) } }],
  ['admin.readToken', { admin: { token, readToken: 'b'.repeat(32) } }],
  ['limits.connections', { limits: { connections: 5 } }],
  ['apps.a.secrets', { apps: { ...base.apps, a: { environment: 'test', secrets: ['two', 'one'] } } }],
  ['apps.b.origins', { apps: { ...base.apps, b: { environment: 'test', origins: ['https://b.example'] } } }],
  ['apps.b.retention', { apps: { ...base.apps, b: { environment: 'test', retention: { days: 5 } } } }],
  ['apps.b.limits', { apps: { ...base.apps, b: { environment: 'test', limits: { guests: 5 } } } }],
  ['apps.c', { apps: { ...base.apps, c: { environment: 'test' } } }],
]
for (const [path, config] of applies)
  test(`a change of ${path} is applied`, () => {
    const { settings, applied, needsRestart } = changes(config)
    assert.deepEqual([applied, needsRestart], [[path], []])
    assert.deepEqual(settings, settingsOf({ ...base, ...config }))
  })

const waits: [path: string, config: Partial<GatewayConfig>][] = [
  ['listen.host', { listen: { host: '::1', tls: { cert: 'cert.pem', key: 'key.pem' } } }],
  ['listen.port', { listen: { port: 81, tls: { cert: 'cert.pem', key: 'key.pem' } } }],
  ['listen.trustProxy', { listen: { trustProxy: 1, tls: { cert: 'cert.pem', key: 'key.pem' } } }],
  ['listen.tls', { listen: {} }],
  ['admin', { admin: undefined }],
  ['admin.port', { admin: { token, port: 91 } }],
  ['engine', { engine: { path: 'elsewhere' } }],
  ['pingInterval', { pingInterval: 5 }],
  ['apps.b', { apps: { a: { environment: 'test', secrets: ['one'] } } }],
]
for (const [path, config] of waits)
  test(`a change of ${path} needs a restart, and the old value stays`, () => {
    const { settings, applied, needsRestart } = changes(config)
    assert.deepEqual([applied, needsRestart], [[], [path]])
    assert.deepEqual(settings, settingsOf(base))
  })

test('a config that was reloaded changes nothing the second time, whatever it was before', () => {
  const flag = fc.boolean()
  const app = fc.record({
    environment: fc.constant('test' as const),
    guests: fc.constant(true),
    unknownRecipients: flag,
  })
  const configs = fc.record(
    {
      listen: fc.record({
        port: fc.nat(9),
        tls: fc.constantFrom(undefined, { cert: 'a', key: 'b' }, { cert: 'c', key: 'd' }),
      }),
      admin: fc.constantFrom(
        undefined,
        { token },
        { token: 'b'.repeat(32), readToken: token },
        { token, port: 91 },
      ),
      pingInterval: fc.integer({ min: 1, max: 3 }),
      limits: fc.record({ connections: fc.integer({ min: 1, max: 3 }) }),
      apps: fc.dictionary(fc.constantFrom('a', 'b', 'c'), app, { minKeys: 1 }),
    },
    { requiredKeys: ['apps'] },
  )
  fc.assert(
    fc.property(configs, configs, (before, after) => {
      const next = settingsOf(after)
      const first = changesOf(settingsOf(before), next)
      const second = changesOf(first.settings, next)
      assert.deepEqual(second.applied, [])
      assert.deepEqual(second.needsRestart, first.needsRestart)
      assert.deepEqual(second.settings, first.settings)
      for (const [appId, settings] of next.apps) assert.deepEqual(first.settings.apps.get(appId), settings)
    }),
    { numRuns: 500 },
  )
})
