import { Histogram, type HistogramConfiguration } from 'prom-client'

type Values = Awaited<ReturnType<Histogram['get']>>

/**
 * A histogram without labels. It counts in arrays: prom-client's own looks for labels at each value, and keeps its buckets in an object
 * by their bounds, which took a twentieth of the CPU time of a message.
 */
export class PlainHistogram extends Histogram {
  readonly #name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  /** How many values are in each bucket and in none before it. The last are greater than every bound. */
  readonly #counts: number[]
  #sum = 0

  constructor({ name, help, buckets, registers }: HistogramConfiguration<string> & { buckets: number[] }) {
    super({ name, help, buckets, ...(registers && { registers }) })
    this.#name = name
    this.#help = help
    this.#bounds = buckets
    this.#counts = new Array<number>(buckets.length + 1).fill(0)
    // An own property, as prom-client's: a method would be hidden by it.
    this.observe = (value: unknown) => this.#add(Number(value))
  }

  override get(): Promise<Values> {
    const values: Values['values'] = []
    let count = 0
    for (const [index, inBucket] of this.#counts.entries()) {
      count += inBucket
      const le = this.#bounds[index] ?? '+Inf'
      values.push({ metricName: `${this.#name}_bucket`, labels: { le }, value: count })
    }
    values.push({ metricName: `${this.#name}_sum`, labels: {}, value: this.#sum })
    values.push({ metricName: `${this.#name}_count`, labels: {}, value: count })
    const result = { name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values }
    // The types of prom-client ask for a `collect` that its own histogram does not return, and for an enum without values.
    return Promise.resolve(result as unknown as Values)
  }

  /** prom-client calls this one for a scrape, and `get` for everything else. */
  getForPromString(): Promise<Values> {
    return this.get()
  }

  #add(value: number): void {
    let index = 0
    while (index < this.#bounds.length && value > (this.#bounds[index] ?? Infinity)) index++
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#sum += value
  }
}
