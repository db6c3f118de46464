import { Histogram, type HistogramConfiguration, type LabelValues } from 'prom-client'

/** A histogram with labels, which a registry of prom-client reads as its own. */
export class LabelledHistogram<Label extends string> {
  /** Called with each value. */
  onValue: ((value: number, labels: LabelValues<Label>) => void) | undefined
  readonly #histogram: Histogram<Label>

  constructor(configuration: HistogramConfiguration<Label>) {
    this.#histogram = new Histogram(configuration)
  }

  observe(labels: LabelValues<Label>, value: number): void {
    this.#histogram.observe(labels, value)
    this.onValue?.(value, labels)
  }
}
