import { Counter, Gauge, Registry, type MetricObjectWithValues, type MetricValue } from 'prom-client'
import { TaskQueue } from '../../util/task-queue.js'
import { createCounter, type Counting } from './counter.js'
import { Histogram } from './histogram.js'
import { metricsTable, type Row } from './table.js'

type Table = typeof metricsTable

type MetricOf<R> =
  R extends Row<'counter', infer Label>
    ? [Label] extends [never]
      ? Counter
      : Counting<Label>
    : R extends Row<'gauge', infer Label>
      ? Gauge<Label>
      : R extends Row<'histogram', infer Label>
        ? Histogram<Label>
        : never

export type Collected = MetricObjectWithValues<MetricValue<string>>[]

/** The metrics of one gateway, by their keys in the table. */
export type Metrics = { readonly [Key in keyof Table]: MetricOf<Table[Key]> } & {
  /** Calls `collect` before each scrape, to set gauges. If `collect` fails, the scrape fails. */
  onScrape(collect: () => void | Promise<void>): void
  /** Returns all metrics in Prometheus' text format. Scrapes at the same time share one result. */
  scrape(): Promise<string>
  /** Returns all metrics as prom-client's objects, which can be added to those of other processes. Shares its result as `scrape` does. */
  collect(): Promise<Collected>
}

const create = (
  { kind, name, help, labels, buckets, aggregator }: Table[keyof Table],
  registry: Registry,
): Counting<string> | Gauge | Histogram<string> => {
  if (kind === 'histogram')
    return new Histogram({ name, help, labelNames: labels, buckets }).register(registry)
  const options = { name, help, labelNames: [...labels], registers: [registry], aggregator }
  if (kind === 'gauge') return new Gauge(options)
  return labels.length > 0 ? createCounter(options) : new Counter(options)
}

/** Creates the metrics of a gateway. Each count takes a fraction of a microsecond. All other work is done at a scrape. */
export const createMetrics = (): Metrics => {
  const registry = new Registry()
  const metrics = Object.fromEntries(
    Object.entries(metricsTable).map(([key, row]) => [key, create(row, registry)]),
    // The compiler does not follow the keys through `Object.entries`.
  ) as { readonly [Key in keyof Table]: MetricOf<Table[Key]> }
  const collectors: (() => void | Promise<void>)[] = []
  const reads = new TaskQueue()
  let running: Promise<string> | undefined
  let collecting: Promise<Collected> | undefined

  /** Reads the metrics after all earlier reads have ended, because during a read some gauges are empty until the engine has answered. */
  const read = <T>(from: () => Promise<T>): Promise<T> =>
    reads.run(async () => {
      for (const collect of collectors) await collect()
      return from()
    })

  return {
    ...metrics,
    collect() {
      // If each reader waited for those before it, a worker whose engine hangs would answer the second of two scrapers too late.
      collecting ??= read(() => registry.getMetricsAsJSON()).finally(() => (collecting = undefined))
      return collecting
    },
    onScrape: (collect) => void collectors.push(collect),
    scrape() {
      running ??= read(() => registry.metrics()).finally(() => (running = undefined))
      return running
    },
  }
}
