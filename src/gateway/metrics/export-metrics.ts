import type { Attributes, BatchObservableResult, Observable } from '@opentelemetry/api'
import { VERSION } from '../../protocol/index.js'
import type { Log } from '../log.js'
import type { OpenTelemetryApi } from '../open-telemetry.js'
import { Histogram } from './histogram.js'
import type { Metrics } from './metrics.js'
import { metricsTable } from './table.js'

/** Whether a gateway of this process exports its metrics. If two gateways did, the SDK would keep only the last value of each series. */
let isExporting = false

/** Returns the unit that a name ends with, in the notation of OpenTelemetry (UCUM). */
const unitOf = (name: string): string =>
  name.endsWith('_seconds') ? 's' : name.endsWith('_bytes') ? 'By' : ''

/**
 * Gives every metric of the table to the SDK of OpenTelemetry that is registered now, until `signal` aborts. If no SDK is registered now,
 * does nothing: the API for metrics finds no SDK that is registered later. The SDK reads counters and gauges when it collects. The SDK
 * can't read a histogram, so `onValue` gives it each value at once. The histogram has the buckets of the table.
 */
export const exportMetrics = (
  metrics: Metrics,
  { createNoopMeter, metrics: openTelemetry }: OpenTelemetryApi,
  log: Pick<Log, 'warn'>,
  signal: AbortSignal,
): void => {
  const meter = openTelemetry.getMeter('chat-session', VERSION)
  if (meter === createNoopMeter() || signal.aborted) return
  if (isExporting)
    return log.warn('another gateway of this process exports its metrics by OpenTelemetry: this one does not')
  isExporting = true

  const observables = new Map<string, Observable>()
  for (const [key, { kind, name, help, buckets }] of Object.entries(metricsTable)) {
    const options = { description: help, unit: unitOf(name) }
    const metric = metrics[key as keyof typeof metricsTable]
    if (metric instanceof Histogram) {
      const advice = { explicitBucketBoundaries: [...buckets] }
      const histogram = meter.createHistogram(name, { ...options, advice })
      metric.onValue = (value: number, labels?: Attributes) => histogram.record(value, labels)
    } else if (kind === 'counter') observables.set(name, meter.createObservableCounter(name, options))
    else observables.set(name, meter.createObservableGauge(name, options))
  }

  let versions: (string | number | undefined)[] = []
  const observe = async (result: BatchObservableResult): Promise<void> => {
    const before = versions
    for (const { name, values } of await metrics.collect()) {
      const observable = observables.get(name)
      if (!observable) continue
      for (const { value, labels } of values) result.observe(observable, value, labels)
      if (name !== metricsTable.clients.name) continue
      // The SDK repeats the last value of a series that is not observed any more. So a version without clients is observed as 0 once.
      versions = values.map(({ labels }) => labels['version'])
      for (const version of before)
        if (!versions.includes(version)) result.observe(observable, 0, { version })
    }
  }
  const all = [...observables.values()]
  meter.addBatchObservableCallback(observe, all)
  signal.addEventListener(
    'abort',
    () => {
      meter.removeBatchObservableCallback(observe, all)
      isExporting = false
    },
    { once: true },
  )
}
