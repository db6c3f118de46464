import { Counter, type CounterConfiguration, type LabelValues } from 'prom-client'

interface Pending {
  labels: LabelValues<string>
  count: number
}

/** What the gateway needs of a counter with labels. */
export interface Counting<Label extends string> extends Pick<Counter<Label>, 'get'> {
  inc(labels: LabelValues<Label>, count?: number): void
}

/**
 * Creates a counter of prom-client with labels. Its counts are added up here, and prom-client gets the sums when it reads the counter. For
 * each count prom-client would sort the labels, make a text of them and check their names. This would take 3% of the time that sending a
 * message takes.
 */
export const createCounter = (
  options: CounterConfiguration<string> & { labelNames: string[] },
): Counting<string> => {
  const pending = new Map<string, Pending>()
  const counter = new Counter({
    ...options,
    collect: () => {
      for (const { labels, count } of pending.values()) counter.inc(labels, count)
      pending.clear()
    },
  })
  return {
    get: () => counter.get(),
    inc(labels, count = 1) {
      let key = ''
      for (const name of options.labelNames) key += `${labels[name]}\0`
      const known = pending.get(key)
      if (known) known.count += count
      else pending.set(key, { labels, count })
    },
  }
}
