import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/gateway/config/parse.js'
import { redisServerOf } from '../../../src/gateway/lifecycle/engines/redis-server.js'

/** Returns the URL with which a gateway connects to Redis. */
const urlOf = (url: string, tls?: boolean): string => {
  const parsed = parseConfig(
    {
      engine: { type: 'redis', url, ...(tls !== undefined && { tls }) },
      apps: { app: { environment: 'test' } },
    },
    {},
  )
  assert.ok(parsed.ok && parsed.config.engine.type === 'redis')
  const server = redisServerOf(parsed.config.engine)
  assert.ok(server.type === 'single')
  return server.url
}

test('engine.tls turns TLS on, however the URL spells its scheme', () => {
  for (const url of ['redis://:pass@10.0.0.1/1', 'REDIS://:pass@10.0.0.1/1', 'Rediss://:pass@10.0.0.1/1\n'])
    assert.equal(urlOf(url, true), 'rediss://:pass@10.0.0.1/1')
  assert.equal(urlOf('REDIS://:pass@10.0.0.1/1', false), 'redis://:pass@10.0.0.1/1')
})

test('without engine.tls the scheme decides', () => {
  assert.equal(urlOf('redis://10.0.0.1'), 'redis://10.0.0.1')
  assert.equal(urlOf('REDIS://10.0.0.1'), 'redis://10.0.0.1')
  assert.equal(urlOf('REDISS://10.0.0.1'), 'rediss://10.0.0.1')
})
