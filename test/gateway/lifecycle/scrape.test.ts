import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { parseOrThrow } from '../../../src/gateway/config/parse.js'
import type { Readiness } from '../../../src/gateway/http/readiness.js'
import { createScrape } from '../../../src/gateway/lifecycle/scrape.js'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'
import { testApp } from '../../support/gateway.js'
import { holdClock } from '../../support/held-clock.js'

/**
 * Collects the metrics of a gateway whose engine hangs after its check, `count` times at once. Returns when each of them was collected, in
 * milliseconds. `checkTime` is how long the check takes.
 */
const collectAtOnce = async (t: TestContext, count: number, checkTime: number): Promise<number[]> => {
  const { advance } = holdClock(t)
  const engine = Object.assign(createMemoryEngine(), { usage: () => new Promise<never>(() => undefined) })
  const { collect } = createScrape(createMetrics(), {
    settings: parseOrThrow({ apps: { app: testApp() }, engine: { type: 'memory' } }, {}),
    engine,
    dispatcher: { measure: () => Promise.resolve() },
    connectionLimits: { size: () => 0 },
    startQueue: { waiting: () => 0 },
    watchers: { size: 0 },
    connections: () => [],
    readiness: () => new Promise<Readiness>((resolve) => setTimeout(() => resolve('ready'), checkTime)),
  })
  let passed = 0
  const collectedAt: number[] = []
  for (let n = 0; n < count; n++) void collect().then(() => collectedAt.push(passed))
  for (; passed < 20_000; passed += 100) {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    advance(100)
  }
  return collectedAt
}

/** The milliseconds after which a worker is left out (`COLLECT_TIMEOUT` of cli/workers). */
const COLLECT_TIMEOUT = 7_000

test('a worker collects its metrics in time, although the engine hangs after a slow check', async (t) => {
  const [at = Infinity] = await collectAtOnce(t, 1, 4_900)
  assert.ok(at < COLLECT_TIMEOUT, `it took ${at} ms`)
})

test('a worker collects its metrics in time for several scrapers at once, although the engine hangs', async (t) => {
  const collectedAt = await collectAtOnce(t, 3, 10)
  assert.equal(collectedAt.length, 3)
  assert.ok(Math.max(...collectedAt) < COLLECT_TIMEOUT, `they took ${collectedAt.join(', ')} ms`)
})
