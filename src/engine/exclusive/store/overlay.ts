import { LazyOperation, type Operation } from './store.js'

/** A change to keep: an operation, or a function that adds the operations to a batch (see `GroupCommit.defer`). */
export type Kept = Operation | ((batch: Operation[]) => void)

/** The operations of one batch, the latest of each row, and those changes of the batch that outlast it if it fails. */
interface Generation {
  rows: Map<string, Operation>
  kept: Map<string, Kept>
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

  /** Keeps a change of the row. */
  keep(row: string, change: Kept): void {
    if (typeof change !== 'function') this.#next.rows.set(row, change)
    this.#next.kept.set(row, change)
  }

  /** Called when a batch begins, which writes all operations so far. */
  begin(): void {
    if (this.#next.rows.size + this.#next.kept.size === 0) return
    this.#writing = this.#next
    this.#next = newGeneration()
  }

  /** Called when the batch is written. */
  end(): void {
    this.#writing = NOTHING
  }

  /** Called when a batch has failed: drops all operations but those to keep. */
  drop(): void {
    const kept = this.kept
    this.#next = newGeneration()
    this.#writing = NOTHING
    for (const [row, change] of kept) this.keep(row, change)
  }

  /** The kept changes that are not written. */
  get kept(): ReadonlyMap<string, Kept> {
    return new Map([...this.#writing.kept, ...this.#next.kept])
  }
}
