import { Counter, type CounterConfiguration, type LabelValues } from 'prom-client'

interface Pending {
  labels: LabelValues<string>
  count: number
}

/** What the gateway needs of a counter. */
export interface Counting<Label extends string> extends Pick<Counter<Label>, 'get' | 'reset'> {
  inc(labels: LabelValues<Label>, count?: number): void
  inc(count?: number): void
}

/**
 * Creates a counter of prom-client. If it has labels, its counts are added up here, and prom-client gets the sums when it reads the
 * counter. For each count prom-client would sort the labels, make a text of them and check their names. This would take 3% of the time that
 * sending a message takes.
 */
export const createCounter = (options: CounterConfiguration<string>): Counting<string> => {
  const { labelNames = [] } = options
  const pending = new Map<string, Pending>()
  const counter = new Counter({
    ...options,
    collect: () => {
      for (const { labels, count } of pending.values()) counter.inc(labels, count)
      pending.clear()
    },
  })
  if (labelNames.length === 0) return counter
  const inc = (labels: LabelValues<string> | number = {}, count = 1): void => {
    if (typeof labels === 'number') return counter.inc(labels)
    let key = ''
    for (const name of labelNames) key += `${labels[name]}\0`
    const known = pending.get(key)
    if (known) known.count += count
    else pending.set(key, { labels, count })
  }
  return {
    get: () => counter.get(),
    reset() {
      pending.clear()
      counter.reset()
    },
    inc,
  }
}
