import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { createCharts } from '../../../src/gateway/admin/charts.js'
import { createLog } from '../../../src/gateway/log.js'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'

test('the charts have states, rates and means of each 15 seconds, and keep one hour', async () => {
  mock.timers.enable({ apis: ['setInterval'] })
  const life = new AbortController()
  const metrics = createMetrics()
  let connected = 2
  const charts = createCharts(metrics, () => connected, createLog({ level: 'silent' }), life.signal)
  const valuesOf = (label: string): (number | null)[] =>
    charts().find((series) => series.label === label)?.values ?? assert.fail(label)
  /** Takes the next sample. Its values are read in promises. */
  const sample = async (): Promise<void> => {
    mock.timers.tick(15_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await new Promise((resolve) => setImmediate(resolve))
  connected = 5
  metrics.messages.inc({ app: 'app', from: 'user', outcome: 'sent' }, 30)
  metrics.messages.inc({ app: 'app', from: 'backend', outcome: 'sent' }, 15)
  metrics.commitSeconds.observe(0.002)
  metrics.commitSeconds.observe(0.004)
  await sample()
  await sample()
  assert.deepEqual(valuesOf('Connected sessions'), [2, 5, 5, 5])
  connected = 7
  // The value of this moment follows the samples.
  assert.deepEqual(valuesOf('Connected sessions'), [2, 5, 5, 7])
  connected = 5
  assert.deepEqual(valuesOf('Messages'), [0, 3, 0])
  const [before, mean, after] = valuesOf('Time to store a message')
  assert.deepEqual([before, after], [null, null])
  assert.ok(Math.abs((mean ?? 0) - 3) < 0.001)
  for (let i = 0; i < 300; i++) await sample()
  assert.ok(charts().every(({ values }) => values.length === 240))
  life.abort()
  await sample()
  connected = 9
  await sample()
  assert.equal(valuesOf('Connected sessions').at(-2), 5)
  mock.timers.reset()
})

test('a sample that fails is left out of all series', async () => {
  mock.timers.enable({ apis: ['setInterval'] })
  const life = new AbortController()
  const metrics = createMetrics()
  const lines: string[] = []
  const log = createLog({ destination: { write: (line) => void lines.push(line) } })
  const charts = createCharts(metrics, () => 1, log, life.signal)
  const rates = () => charts().filter(({ unit }) => unit === 'per second')
  const { get } = metrics.messages
  metrics.messages.get = () => Promise.reject(new Error('a bug'))
  mock.timers.tick(15_000)
  await new Promise((resolve) => setImmediate(resolve))
  metrics.messages.get = get
  mock.timers.tick(15_000)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(new Set(rates().map(({ values }) => values.length)), new Set([2]))
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['a sample for the charts failed'],
  )
  life.abort()
  mock.timers.reset()
})
