import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram, Registry } from 'prom-client'
import { PlainHistogram } from '../../../src/gateway/metrics/plain-histogram.js'

const options = {
  name: 'seconds',
  help: "A duration with \\ and a\nline's end.",
  buckets: [0.005, 0.01, 0.1, 1],
}
const values = [0, 0.001, 0.005, 0.0051, 0.01, 0.02, 0.1, 1, 1.0001, 60]

/** Returns what a scrape and what a chart reads of a histogram with these values. */
const read = async (Kind: typeof Histogram | typeof PlainHistogram, observed: number[]) => {
  const registry = new Registry()
  const histogram = new Kind({ ...options, registers: [registry] })
  for (const value of observed) histogram.observe(value)
  const series = (await histogram.get()).values
  return {
    text: await registry.metrics(),
    series: series.map(({ metricName, labels, value }) => ({ metricName, labels, value })),
  }
}

for (const observed of [[], values])
  test(`a histogram without labels is read as prom-client's own, with ${observed.length} values`, async () => {
    assert.deepEqual(await read(PlainHistogram, observed), await read(Histogram, observed))
  })
