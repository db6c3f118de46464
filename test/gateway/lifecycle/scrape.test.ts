import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { parseOrThrow } from '../../../src/gateway/config/parse-or-throw.js'
import type { Readiness } from '../../../src/gateway/http/readiness.js'
import { createScrape } from '../../../src/gateway/lifecycle/scrape.js'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'
import { testApp } from '../../support/gateway.js'
import { holdClock } from '../../support/held-clock.js'

test('a worker collects its metrics within seven seconds, although the engine hangs after a slow check', async (t) => {
  const { advance } = holdClock(t)
  const engine = Object.assign(createMemoryEngine(), { usage: () => new Promise<never>(() => undefined) })
  const metrics = createMetrics()
  const { collect } = createScrape(metrics, {
    settings: parseOrThrow({ apps: { app: testApp() }, engine: { type: 'memory' } }, {}),
    engine,
    dispatcher: { measure: () => Promise.resolve() },
    connectionLimits: { size: () => 0 },
    startQueue: { waiting: () => 0 },
    watchers: { size: 0 },
    connections: () => [],
    readiness: () => new Promise<Readiness>((resolve) => setTimeout(() => resolve('ready'), 4_900)),
  })
  let passed = 0
  let collectedAt = Infinity
  void collect().then(() => (collectedAt = passed))
  for (; passed < 9_000; passed += 100) {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    advance(100)
  }
  assert.ok(collectedAt < 7_000, `it took ${collectedAt} ms`)
})
