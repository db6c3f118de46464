import { readAll, type Range, type Store } from './store.js'

/**
 * Rows that are read at once, by default. A read of more rows counts as this many. LevelDB may report all of its reads that have ended in
 * one turn of the event loop, and their rows are parsed in it, at about 4 µs for each.
 */
const MAX_ROWS = 128

interface WaitingRead {
  readonly rows: number
  readonly begin: () => void
}

/** Reads ranges of rows, some at once, and knows which reads are under way: the store must not be closed under them. */
export class Reads {
  readonly #store: Store
  readonly #maxRows: number
  /** The reads that have begun, and those that wait. */
  readonly #running = new Set<Promise<unknown>>()
  /** The reads that wait, in the order in which they came. */
  readonly #waiting: WaitingRead[] = []
  /** Rows of the reads that have begun. */
  #rows = 0

  constructor(store: Store, maxRows = MAX_ROWS) {
    this.#store = store
    this.#maxRows = maxRows
  }

  /** The parsed rows of a range, as `readAll` returns them. */
  all<T>(range: Range & { limit: number }): Promise<[string, T][]> {
    const read = this.#read<T>(range)
    this.#running.add(read)
    const forget = (): boolean => this.#running.delete(read)
    read.then(forget, forget)
    return read
  }

  /** Resolves when no read is under way. */
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
