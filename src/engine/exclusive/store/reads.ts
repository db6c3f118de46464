import { readAll, type Range, type Store } from './store.js'

/**
 * How many rows all reads together read at once, unless the constructor gets another number. A read of more rows counts as this many. There
 * is a limit because in one turn of the event loop LevelDB may report many finished reads, and parsing takes about 4 µs for each row.
 */
const MAX_ROWS = 128

interface WaitingRead {
  readonly rows: number
  readonly begin: () => void
}

/**
 * Reads ranges of rows, a limited number of rows at once. Keeps track of the running reads, because the store must not be closed before
 * they end.
 */
export class Reads {
  readonly #store: Store
  readonly #maxRows: number
  /** All reads: those that have begun, and those that wait. */
  readonly #running = new Set<Promise<unknown>>()
  /** The reads that wait, in the order in which they came. */
  readonly #waiting: WaitingRead[] = []
  /** The sum of the rows of all reads that have begun. */
  #rows = 0

  constructor(store: Store, maxRows = MAX_ROWS) {
    this.#store = store
    this.#maxRows = maxRows
  }

  /** Reads and parses the rows of a range. */
  all<T>(range: Range & { limit: number }): Promise<[string, T][]> {
    const read = this.#read<T>(range)
    this.#running.add(read)
    const forget = (): boolean => this.#running.delete(read)
    read.then(forget, forget)
    return read
  }

  /** Resolves when no read runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }

  async #read<T>(range: Range & { limit: number }): Promise<[string, T][]> {
    const rows = Math.min(range.limit, this.#maxRows)
    if (this.#waiting.length > 0 || !this.#hasRoom(rows))
      await new Promise<void>((begin) => this.#waiting.push({ rows, begin }))
    else this.#rows += rows
    try {
      return await readAll<T>(this.#store, range)
    } finally {
      this.#rows -= rows
      this.#beginNext()
    }
  }

  #hasRoom(rows: number): boolean {
    return this.#rows + rows <= this.#maxRows
  }

  #beginNext(): void {
    for (let [next] = this.#waiting; next && this.#hasRoom(next.rows); [next] = this.#waiting) {
      this.#waiting.shift()
      this.#rows += next.rows
      next.begin()
    }
  }
}
