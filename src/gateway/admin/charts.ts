import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Series } from '../../protocol/internal.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'

/** Milliseconds between two samples, and how many samples are kept: those of one hour. */
const INTERVAL = 15_000
const MAX_SAMPLES = 240

/** The resolution, in milliseconds, with which the delay of the event loop is measured. */
const LOOP_RESOLUTION = 20

interface Chart extends Pick<Series, 'label' | 'unit'> {
  /** Called once for each sample. */
  read(): Promise<number | null>
  /** Returns the value of this moment; undefined for what is measured between two samples. */
  now?(): number
}

/** Charts a value that can be read at any moment. */
const levelOf = (label: string, unit: Series['unit'], now: () => number): Chart => ({
  label,
  unit,
  read: () => Promise.resolve(now()),
  now,
})

interface Metric {
  get(): Promise<{ values: { value: number; metricName?: string }[] }>
}

const sum = async (metric: Metric, suffix = ''): Promise<number> =>
  (await metric.get()).values
    .filter(({ metricName }) => suffix === '' || metricName?.endsWith(suffix))
    .reduce((total, { value }) => total + value, 0)

/** Charts by how much a metric has risen per second since the sample before. */
const rateOf = (label: string, metric: Metric): Chart => {
  let before = 0
  const read = async (): Promise<number> => {
    const now = await sum(metric)
    const rate = ((now - before) * 1_000) / INTERVAL
    before = now
    return rate
  }
  return { label, unit: 'per second', read }
}

/** Charts the mean of the values that a histogram got since the sample before; null if it got none. */
const meanOf = (label: string, metric: Metric): Chart => {
  let before = { seconds: 0, count: 0 }
  const read = async (): Promise<number | null> => {
    const now = { seconds: await sum(metric, '_sum'), count: await sum(metric, '_count') }
    const count = now.count - before.count
    const mean = count > 0 ? ((now.seconds - before.seconds) * 1_000) / count : null
    before = now
    return mean
  }
  return { label, unit: 'milliseconds', read }
}

/** Charts the 99th percentile of the event loop's delay since the sample before. */
const loopDelay = (signal: AbortSignal): Chart => {
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION })
  delay.enable()
  signal.addEventListener('abort', () => delay.disable(), { once: true })
  const read = (): Promise<number> => {
    const milliseconds = Math.max(0, delay.percentile(99) / 1e6 - LOOP_RESOLUTION)
    delay.reset()
    return Promise.resolve(milliseconds)
  }
  return { label: 'Event loop delay (99 %)', unit: 'milliseconds', read }
}

/**
 * Takes samples until `signal` aborts. `connected` returns the number of sessions that have a connection. Returns a function that returns
 * the samples of the last hour, for the console's charts. They are kept in memory only.
 */
export const createCharts = (
  metrics: Metrics,
  connected: () => number,
  log: Pick<Log, 'error'>,
  signal: AbortSignal,
): (() => readonly Series[]) => {
  const charts: Chart[] = [
    levelOf('Connected sessions', '', connected),
    rateOf('Messages', metrics.messages),
    rateOf('Session starts', metrics.starts),
    rateOf('Refused requests', metrics.refusals),
    meanOf('Time to store a message', metrics.commitSeconds),
    meanOf('Round trip to clients', metrics.pingSeconds),
    loopDelay(signal),
    levelOf('Memory of the process', 'bytes', () => process.memoryUsage.rss()),
  ]
  const sampled = charts.map((): Series['values'] => [])

  const takeSample = async (): Promise<void> => {
    // All values are read before any is kept, so that all series have the same length even if a read fails.
    const sample = await Promise.all(charts.map(({ read }) => read()))
    for (const [index, values] of sampled.entries()) {
      values.push(sample[index] ?? null)
      if (values.length > MAX_SAMPLES) values.shift()
    }
  }
  const sample = (): void =>
    void takeSample().catch((err: unknown) => log.error({ err }, 'a sample for the charts failed'))

  sample()
  const timer = setInterval(sample, INTERVAL).unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  return () =>
    charts.map(({ label, unit, now }, index): Series => {
      const values = sampled[index] ?? []
      // Beside the live numbers of the page, the latest sample could be wrong for 15 seconds.
      return { label, unit, values: now ? [...values.slice(1 - MAX_SAMPLES), now()] : values }
    })
}
