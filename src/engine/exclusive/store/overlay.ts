import { LazyOperation, type Operation } from './store.js'

type Rows = Map<string, Operation>

/** The operations of one batch, the latest of each row. Those of `kept` outlast the batch if it fails. */
interface Generation {
  rows: Rows
  kept: Rows
}

const newGeneration = (): Generation => ({ rows: new Map(), kept: new Map() })

/** Shared by all overlays, so nothing is added to it. */
const NOTHING: Readonly<Generation> = newGeneration()

/**
 * The operations that are not written yet. The store returns the rows from before them, so whoever decides by the newest rows looks here
 * first. A `LazyOperation` is left out, because making its key would take longer than everything else here.
 */
export class Overlay {
  #next = newGeneration()
  /** Those of the batch that is being written. */
  #writing = NOTHING

  /** Returns the latest operation on a row that is not written; undefined if the store has the newest row. */
  get(row: string): Operation | undefined {
    return this.#next.rows.get(row) ?? this.#writing.rows.get(row)
  }

  add(operations: readonly Operation[]): void {
    for (const operation of operations)
      if (!(operation instanceof LazyOperation)) this.#next.rows.set(operation.key, operation)
  }

  keep(operations: readonly Operation[]): void {
    this.add(operations)
    for (const operation of operations) this.#next.kept.set(operation.key, operation)
  }

  /** Called when a batch begins, which writes all operations so far. */
  begin(): void {
    if (this.#next.rows.size === 0) return
    this.#writing = this.#next
    this.#next = newGeneration()
  }

  /** Called when the batch is written. */
  end(): void {
    this.#writing = NOTHING
  }

  /** Called when a batch has failed: drops all operations but those to keep. */
  drop(): void {
    const kept = new Map([...this.#writing.kept, ...this.#next.kept])
    this.#next = { rows: kept, kept }
    this.#writing = NOTHING
  }

  get kept(): Operation[] {
    return [...this.#next.kept.values()]
  }
}
