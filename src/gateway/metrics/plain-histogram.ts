import type { Histogram, HistogramConfiguration, Metric } from 'prom-client'

type Values = Awaited<ReturnType<Histogram['get']>>

/**
 * A histogram without labels, which a registry of prom-client reads as it reads its own. It counts in an array. prom-client's histogram
 * makes an object and looks for labels at each value, which takes too long for each message (ARCHITECTURE.md has the figure).
 */
export class PlainHistogram {
  readonly name: string
  /** Called with each value. */
  onValue: ((value: number) => void) | undefined
  readonly #help: string
  readonly #bounds: readonly number[]
  /**
   * How many values belong to each bucket. A value belongs to the first bucket whose bound it does not exceed. The last entry counts the
   * values above every bound.
   */
  readonly #counts: number[]
  #sum = 0

  constructor({ name, help, buckets, registers }: HistogramConfiguration<string> & { buckets: number[] }) {
    this.name = name
    this.#help = help
    this.#bounds = buckets
    this.#counts = new Array<number>(buckets.length + 1).fill(0)
    // The types of prom-client know only its own classes.
    for (const registry of registers ?? []) registry.registerMetric(this as unknown as Metric)
  }

  observe(value: number): void {
    let index = 0
    while (index < this.#bounds.length && value > (this.#bounds[index] ?? Infinity)) index++
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#sum += value
    this.onValue?.(value)
  }

  /** Returns the same values as prom-client's histogram, for a scrape. */
  get(): Promise<Values> {
    const values: Values['values'] = []
    let count = 0
    for (const [index, inBucket] of this.#counts.entries()) {
      count += inBucket
      const le = this.#bounds[index] ?? '+Inf'
      values.push({ metricName: `${this.name}_bucket`, labels: { le }, value: count })
    }
    values.push({ metricName: `${this.name}_sum`, labels: {}, value: this.#sum })
    values.push({ metricName: `${this.name}_count`, labels: {}, value: count })
    const result = { name: this.name, help: this.#help, type: 'histogram', aggregator: 'sum', values }
    return Promise.resolve(result as unknown as Values)
  }
}
