import { put, type Operation, type Store } from '../store/store.js'

/** The most operations of one batch, and about the most characters. */
const MAX_OPERATIONS = 2_000
const MAX_CHARACTERS = 4 * 2 ** 20

/** Writes rows in batches. `get` also returns rows that are not written yet. */
export class RowWriter {
  readonly #store: Store
  #pending = new Map<string, Operation>()
  #characters = 0

  constructor(store: Store) {
    this.#store = store
  }

  get(row: string): unknown {
    const pending = this.#pending.get(row)
    const json = pending ? (pending.type === 'put' ? pending.value : undefined) : this.#store.getSync(row)
    return json === undefined ? undefined : JSON.parse(json)
  }

  put(row: string, value: unknown): void {
    const operation = put(row, value)
    this.#pending.set(row, operation)
    this.#characters += row.length + (operation.type === 'put' ? operation.value.length : 0)
  }

  /** Writes a batch if enough rows wait. */
  async writeFull(): Promise<void> {
    if (this.#pending.size >= MAX_OPERATIONS || this.#characters >= MAX_CHARACTERS) await this.write()
  }

  /** Writes and syncs the rows that wait. */
  async write(): Promise<void> {
    const operations = [...this.#pending.values()]
    this.#pending = new Map()
    this.#characters = 0
    // Each batch is synced, because LevelDB does not sync a log after it has begun the next one.
    if (operations.length > 0) await this.#store.batch(operations, { sync: true })
  }
}
