import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { aggregateMetrics } from '../../../src/gateway/metrics/aggregate.js'

/** Returns the metrics of a process with this event loop lag, as a worker sends them. */
const processWith = async (lag: number): Promise<object[]> => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const metrics = structuredClone(await registry.getMetricsAsJSON())
  for (const { name, values } of metrics)
    if (name.startsWith('nodejs_eventloop_lag_')) for (const each of values) each.value = lag
  return metrics
}

test('one worker whose event loop is late shows among others that are idle', async () => {
  const text = await aggregateMetrics([
    await processWith(0.5),
    await processWith(0.01),
    await processWith(0.01),
  ])
  for (const name of ['_p50', '_p90', '_p99', '_mean', '_max'])
    assert.match(text, new RegExp(`^nodejs_eventloop_lag${name}_seconds 0\\.5$`, 'm'))
  assert.match(text, /^nodejs_eventloop_lag_min_seconds 0\.01$/m)
})
