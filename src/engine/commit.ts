import { EngineError } from './errors.js'
import type { Operation, Store } from './store.js'

interface Writer {
  resolve: () => void
  reject: (why: EngineError) => void
}

/**
 * The one way into a store. One batch is in flight; the next gathers what comes meanwhile, so that many writes share
 * one sync. Writes land in the order in which they were given.
 *
 * A failed batch is the last one. After a failed sync nobody knows what is on the disk, and a second sync may report
 * success for pages that the kernel has dropped; after a half-written record, what is appended behind it may be
 * skipped at the next recovery. So nothing is put on top: every later write is refused, and going on takes the store
 * opened anew, with a commit of its own.
 */
export class Commit {
  readonly #store: Store
  readonly #onFailure: (failure: EngineError) => void
  #gathered: Operation[] = []
  #writers: Writer[] = []
  #running: Promise<void> | undefined
  #refusal: EngineError | undefined

  /** `onFailure` is told once, when a batch fails: a write that nobody waits for has nobody else to tell. */
  constructor(store: Store, onFailure: (failure: EngineError) => void) {
    this.#store = store
    this.#onFailure = onFailure
  }

  /** Resolves when the operations are synced, and rejects with `unavailable` if they may not be. */
  durable(operations: Operation[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.soon(operations)
      this.#writers.push({ resolve, reject })
    })
  }

  /** Writes without waiting. Throws `unavailable` if nothing is written any more. */
  soon(operations: Operation[]): void {
    if (this.#refusal) throw this.#refusal
    this.#gathered.push(...operations)
    this.#running ??= this.#run()
  }

  /** Takes no more writes, and resolves when those taken are done with. */
  async close(): Promise<void> {
    this.#refusal ??= new EngineError('unavailable', 'The engine is closed.')
    await this.#running
  }

  async #run(): Promise<void> {
    // A turn later, so that what is written in one turn goes out together, its writers known.
    await Promise.resolve()
    while (this.#gathered.length > 0) {
      const operations = this.#gathered
      const writers = this.#writers
      this.#gathered = []
      this.#writers = []
      try {
        await this.#store.batch(operations, { sync: writers.length > 0 })
        for (const { resolve } of writers) resolve()
      } catch (cause) {
        this.#fail(writers, cause)
      }
    }
    this.#running = undefined
  }

  #fail(writers: Writer[], cause: unknown): void {
    const failure = new EngineError(
      'unavailable',
      'A write failed, and no other is taken until the engine is opened again: look for a full or failing disk.',
      { cause },
    )
    for (const { reject } of [...writers, ...this.#writers]) reject(failure)
    this.#gathered = []
    this.#writers = []
    this.#refusal = failure
    this.#onFailure(failure)
  }
}
