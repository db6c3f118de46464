import { LazyOperation, type Operation } from './store.js'

/** A function that adds its operations to the batch that is about to be written. */
export type DeferredWrite = (batch: Operation[]) => void

/** What is not written: the latest operation of each row, the deferred writes, and those changes that outlast a failed batch. */
interface Generation {
  rows: Map<string, Operation>
  deferred: Map<string, DeferredWrite>
  kept: Map<string, Operation | DeferredWrite>
}

const newGeneration = (): Generation => ({ rows: new Map(), deferred: new Map(), kept: new Map() })

/** Shared by all overlays, so nothing is added to it. */
const NOTHING: Readonly<Generation> = newGeneration()

/**
 * What is not written yet. The store returns the rows from before, so whoever decides by the newest rows looks here first. A
 * `LazyOperation` is left out, because making its key would take longer than everything else here.
 */
export class Overlay {
  #next = newGeneration()
  /** That of the batch that is being written. */
  #writing = NOTHING
  /** The rows whose newest state was not written when a batch failed. */
  #lost: ReadonlySet<string> = new Set()

  /** Returns the latest operation on a row that is not written; undefined if the store has the newest row. */
  get(row: string): Operation | undefined {
    return this.#next.rows.get(row) ?? this.#writing.rows.get(row)
  }

  /** Returns whether the store has the row as it is in memory. Deferred writes count by their names, and dropped operations count, too. */
  isWritten(row: string): boolean {
    const has = ({ rows, deferred }: Generation): boolean => rows.has(row) || deferred.has(row)
    return !has(this.#next) && !has(this.#writing) && !this.#lost.has(row)
  }

  get hasDeferred(): boolean {
    return this.#next.deferred.size > 0
  }

  add(operations: readonly Operation[]): void {
    for (const operation of operations)
      if (!(operation instanceof LazyOperation)) this.#next.rows.set(operation.key, operation)
  }

  /** Adds a deferred write. It replaces an earlier one of the same name. */
  defer(name: string, write: DeferredWrite): void {
    this.#next.deferred.set(name, write)
  }

  /** Keeps a change of the row. */
  keep(row: string, change: Operation | DeferredWrite): void {
    if (typeof change !== 'function') this.#next.rows.set(row, change)
    this.#next.kept.set(row, change)
  }

  /** Called when a batch begins, which writes everything so far. Adds the operations of the deferred writes to `operations`. */
  begin(operations: Operation[]): void {
    const writing = (this.#writing = this.#next)
    this.#next = newGeneration()
    const count = operations.length
    for (const write of writing.deferred.values()) write(operations)
    for (let n = count; n < operations.length; n++) {
      const operation = operations[n]
      if (operation) writing.rows.set(operation.key, operation)
    }
  }

  /** Called when the batch is written. */
  end(): void {
    this.#writing = NOTHING
  }

  /** Called when a batch has failed: drops everything but what is to be kept. */
  drop(): void {
    const kept = this.kept
    const all = [this.#writing, this.#next].flatMap(({ rows, deferred }) => [
      ...rows.keys(),
      ...deferred.keys(),
    ])
    this.#lost = new Set([...this.#lost, ...all])
    this.#next = newGeneration()
    this.#writing = NOTHING
    for (const [row, change] of kept) this.keep(row, change)
  }

  /** The kept changes that are not written. */
  get kept(): ReadonlyMap<string, Operation | DeferredWrite> {
    return new Map([...this.#writing.kept, ...this.#next.kept])
  }
}
