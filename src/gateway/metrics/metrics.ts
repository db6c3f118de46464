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

  /**
   * Returns a function that reads the metrics after all earlier reads have ended, because during a read some gauges are empty until the
   * engine has answered. Calls at the same time share one read. Otherwise a worker whose engine hangs would answer the second of two
   * scrapers too late.
   */
  const reader = <T>(from: () => Promise<T>): (() => Promise<T>) => {
    let running: Promise<T> | undefined
    const read = async (): Promise<T> => {
      for (const collect of collectors) await collect()
      return from()
    }
    return () => (running ??= reads.run(read).finally(() => (running = undefined)))
  }

  return {
    ...metrics,
    onScrape: (collect) => void collectors.push(collect),
    collect: reader<Collected>(() => registry.getMetricsAsJSON()),
    scrape: reader(() => registry.metrics()),
  }
}
