import { readAll, type Range, type Store } from './store.js'

/** Reads ranges of rows, and knows which reads are under way: the store must not be closed under them. */
export class Reads {
  readonly #store: Store
  readonly #running = new Set<Promise<unknown>>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The parsed rows of a range, as `readAll` returns them. */
  all<T>(range: Range): Promise<[string, T][]> {
    const read = readAll<T>(this.#store, range)
    this.#running.add(read)
    const forget = (): boolean => this.#running.delete(read)
    read.then(forget, forget)
    return read
  }

  /** Resolves when no read is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }
}
