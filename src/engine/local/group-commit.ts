import { EngineError } from '../errors.js'
import type { Operation, Store } from './store.js'

/** Who waits for a write. */
export interface Waiter {
  /** Called when the write is synced, in the order of the writes. */
  resolve: () => void
  reject: (why: EngineError) => void
}

/** Adds what has to be written, as it is now, to the batch that is about to go out. */
export type DeferredWrite = (batch: Operation[]) => void

/** How long a write that nobody waits for may wait for others, in milliseconds. */
const DEFER_DELAY = 10

/**
 * The one way into a store. One batch is in flight; the next gathers what comes meanwhile, so that many writes share
 * one sync. Writes land in the order in which they were given, and everything given before a batch goes out is in it.
 *
 * A failed batch is the last one. After a failed sync nobody knows what is on the disk, and a second sync may report
 * success for pages that the kernel has dropped; after a half-written record, what is appended behind it may be
 * skipped at the next recovery. So nothing is put on top: every later write is refused, and going on takes the store
 * opened anew, with a commit of its own.
 */
export class GroupCommit {
  readonly #store: Store
  readonly #onFailure: (failure: EngineError) => void
  #operations: Operation[] = []
  #waiters: Waiter[] = []
  #deferred = new Map<string, DeferredWrite>()
  /** Who waits for what was given without waiting. */
  #flushes: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #refusal: EngineError | undefined
  #nextBatch = 1
  #lastWritten = 0

  /** `onFailure` is told once, when a batch fails: a write that nobody waits for has nobody else to tell. */
  constructor(store: Store, onFailure: (failure: EngineError) => void) {
    this.#store = store
    this.#onFailure = onFailure
  }

  /** The number of the batch that takes what is given now. */
  get nextBatch(): number {
    return this.#nextBatch
  }

  /** The number of the last batch that was written: what it and those before it took can be read from the store. */
  get lastWritten(): number {
    return this.#lastWritten
  }

  /** Whether anything is written any more. */
  get isWritable(): boolean {
    return this.#refusal === undefined
  }

  /** Throws `unavailable` if nothing is written any more. */
  assertWritable(): void {
    if (this.#refusal) throw this.#refusal
  }

  /** Writes, and tells the writer when that is synced, or that it may not be. Throws `unavailable` like `check`. */
  write(operations: Operation[], writer: Waiter): void {
    this.assertWritable()
    for (const operation of operations) this.#operations.push(operation)
    this.#waiters.push(writer)
    void this.#start()
  }

  /** Resolves when the operations are synced, and rejects with `unavailable` if they may not be. */
  sync(operations: Operation[]): Promise<void> {
    return new Promise((resolve, reject) => this.write(operations, { resolve, reject }))
  }

  /**
   * Writes without waiting: with the next batch, which goes out a few milliseconds from now unless somebody waits for
   * it. Of several given under one name only the last is asked. Ignored when nothing is written any more: whoever
   * opens the store anew writes down what is in memory then.
   */
  defer(name: string, late: DeferredWrite): void {
    if (this.#refusal) return
    this.#deferred.set(name, late)
    if (!this.#running) this.#startLater()
  }

  /**
   * Resolves when all that was given so far is with the kernel: it survives this process, though perhaps not a power cut.
   * Whoever opens a store anew writes down what is in memory, so that nobody has to hear of a failure here.
   */
  flush(): Promise<void> {
    if (this.#refusal) return Promise.resolve()
    return new Promise((resolve) => {
      this.#flushes.push(resolve)
      void this.#start()
    })
  }

  /** Takes no more writes, and resolves when those taken are done with. */
  async close(): Promise<void> {
    this.#refusal ??= new EngineError('unavailable', 'The engine is closed.')
    await this.#running
    if (this.#deferred.size > 0) await this.#start()
  }

  #start(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    return (this.#running ??= this.#run())
  }

  #startLater(): void {
    this.#timer ??= setTimeout(() => void this.#start(), DEFER_DELAY)
  }

  async #run(): Promise<void> {
    // A turn later, so that what is written in one turn goes out together, its writers known.
    await Promise.resolve()
    do await this.#writeBatch()
    while (this.#waiters.length + this.#flushes.length > 0)
    this.#running = undefined
    if (this.#deferred.size > 0) this.#startLater()
  }

  async #writeBatch(): Promise<void> {
    const [operations, writers, passing, late] = [
      this.#operations,
      this.#waiters,
      this.#flushes,
      this.#deferred,
    ]
    this.#operations = []
    this.#waiters = []
    this.#flushes = []
    this.#deferred = new Map()
    const number = this.#nextBatch++
    try {
      for (const write of late.values()) write(operations)
      if (operations.length > 0) await this.#store.batch(operations, { sync: writers.length > 0 })
      this.#lastWritten = number
    } catch (cause) {
      this.#fail(writers, cause)
      return
    } finally {
      for (const resolve of passing) resolve()
    }
    for (const { resolve } of writers) resolve()
  }

  #fail(writers: Waiter[], cause: unknown): void {
    const failure = new EngineError(
      'unavailable',
      'A write failed: look for a full or failing disk. Writes are taken again once the store could be opened anew.',
      { cause },
    )
    this.#refusal = failure
    const all = [...writers, ...this.#waiters]
    this.#operations = []
    this.#waiters = []
    this.#deferred.clear()
    for (const resolve of this.#flushes.splice(0)) resolve()
    for (const { reject } of all) reject(failure)
    this.#onFailure(failure)
  }
}
