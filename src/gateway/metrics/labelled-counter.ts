import { Counter, type CounterConfiguration, type LabelValues } from 'prom-client'

/** The counts of all series whose first labels have the same values. */
interface Branch {
  /** The branches, by the value of the next label. */
  readonly branches: Map<string | number | undefined, Branch>
  /** The count since the last read, if there is no next label; undefined if nothing was counted. */
  count: number | undefined
}

const newBranch = (): Branch => ({ branches: new Map(), count: undefined })

/**
 * A counter with labels. It counts in nested maps. When the counter is read, it passes the counts on to prom-client's counter. prom-client
 * itself makes a text of all labels for each value, which takes too long for each message (ARCHITECTURE.md has the figure).
 */
export class LabelledCounter<Label extends string> {
  readonly #labelNames: readonly Label[]
  readonly #counter: Counter<Label>
  readonly #root = newBranch()

  constructor(configuration: CounterConfiguration<Label> & { labelNames: readonly Label[] }) {
    this.#labelNames = configuration.labelNames
    this.#counter = new Counter({ ...configuration, collect: () => this.#collect(this.#root, {}, 0) })
  }

  /** Adds `value`, which must not be negative. */
  inc(labels: LabelValues<Label>, value = 1): void {
    let branch = this.#root
    for (const name of this.#labelNames) {
      const label = labels[name]
      let next = branch.branches.get(label)
      if (!next) branch.branches.set(label, (next = newBranch()))
      branch = next
    }
    branch.count = (branch.count ?? 0) + value
  }

  /** Returns prom-client's values, for a scrape. */
  get(): ReturnType<Counter<Label>['get']> {
    return this.#counter.get()
  }

  /** Passes on the counts of a branch. `labels` are the `depth` labels that lead to the branch. */
  #collect(branch: Branch, labels: LabelValues<Label>, depth: number): void {
    const name = this.#labelNames[depth]
    if (name === undefined) {
      if (branch.count !== undefined) this.#counter.inc(labels, branch.count)
      branch.count = undefined
      return
    }
    for (const [label, next] of branch.branches)
      this.#collect(next, label === undefined ? labels : { ...labels, [name]: label }, depth + 1)
  }
}
