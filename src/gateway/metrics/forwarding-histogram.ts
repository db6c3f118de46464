import { Histogram, type HistogramConfiguration, type LabelValues } from 'prom-client'

/** A histogram of prom-client. It forwards each value to `onValue`, because OpenTelemetry can't read histograms of prom-client. */
export class ForwardingHistogram<Label extends string> {
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

  /** Returns prom-client's values, for a chart. */
  get(): ReturnType<Histogram<Label>['get']> {
    return this.#histogram.get()
  }
}
