import { Counter, Gauge, Registry, type MetricObjectWithValues, type MetricValue } from 'prom-client'
import { TaskQueue } from '../../util/task-queue.js'
import { Histogram } from './histogram.js'
import { metricsTable, type Row } from './table.js'

type Table = typeof metricsTable

type MetricOf<R> =
  R extends Row<'counter', infer Label>
    ? Counter<Label>
    : R extends Row<'gauge', infer Label>
      ? Gauge<Label>
      : R extends Row<'histogram', infer Label>
        ? Histogram<Label>
        : never

export type Collected = MetricObjectWithValues<MetricValue<string>>[]

/** The metrics of one gateway, by their keys in the table. */
export type Metrics = { readonly [Key in keyof Table]: MetricOf<Table[Key]> } & {
  /** Counts a message of a client that the app has stored. `messages` has it at its next read. */
  countStored(app: string): void
  /** Calls `collect` before each scrape, to set gauges. If `collect` fails, the scrape fails. */
  onScrape(collect: () => void | Promise<void>): void
  /** Returns all metrics in Prometheus' text format. Scrapes at the same time share one result. */
  scrape(): Promise<string>
  /** Returns all metrics as prom-client's objects, which can be added to those of other processes. */
  collect(): Promise<Collected>
}

const create = (
  { kind, name, help, labels, buckets, aggregator }: Table[keyof Table],
  registry: Registry,
  /** Called before each read of the metric. */
  collect: () => void = () => undefined,
): Counter | Gauge | Histogram<string> => {
  if (kind === 'histogram')
    return new Histogram({ name, help, labelNames: labels, buckets }).register(registry)
  const options = { name, help, labelNames: [...labels], registers: [registry], aggregator, collect }
  return kind === 'counter' ? new Counter(options) : new Gauge(options)
}

/** Creates the metrics of a gateway. Each count takes a fraction of a microsecond. All other work is done at a scrape. */
export const createMetrics = (): Metrics => {
  const registry = new Registry()
  /** By app, the messages that prom-client has not counted. It makes a text of all labels at each count: 3% of a message's time. */
  const stored = new Map<string, number>()
  const countAllStored = (): void => {
    for (const [app, count] of stored) metrics.messages.inc({ app, from: 'client', outcome: 'stored' }, count)
    stored.clear()
  }
  const metrics = Object.fromEntries(
    Object.entries(metricsTable).map(([key, row]) => [
      key,
      create(row, registry, row === metricsTable.messages ? countAllStored : undefined),
    ]),
    // The compiler does not follow the keys through `Object.entries`.
  ) as { readonly [Key in keyof Table]: MetricOf<Table[Key]> }
  const collectors: (() => void | Promise<void>)[] = []
  const reads = new TaskQueue()
  let running: Promise<string> | undefined

  /** Reads the metrics after all earlier reads have ended, because some gauges are empty until the engine has answered. */
  const read = <T>(from: () => Promise<T>): Promise<T> =>
    reads.run(async () => {
      for (const collect of collectors) await collect()
      return from()
    })

  return {
    ...metrics,
    countStored: (app) => void stored.set(app, (stored.get(app) ?? 0) + 1),
    collect: () => read(() => registry.getMetricsAsJSON()),
    onScrape: (collect) => void collectors.push(collect),
    scrape() {
      running ??= read(() => registry.metrics()).finally(() => (running = undefined))
      return running
    },
  }
}
