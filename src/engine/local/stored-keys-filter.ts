import { BloomFilter, hashText, type TextHash } from '../util/bloom-filter.js'

/** Filters of 1 MB each that are kept at most: of 6,500,000 keys. */
const MAX_FILTERS = 8

interface Generation {
  filter: BloomFilter
  /** When the last of its keys expires. */
  expiresAt: number
}

/**
 * Finds of most idempotency keys that they are not stored, so that a new message's key need not be looked up. A look-up in LevelDB was
 * a tenth of the CPU time of a message.
 */
export class StoredKeysFilter {
  /** The newest is the last. */
  #generations: Generation[] = []
  /** Until then there may be keys that only a dropped filter had. */
  #droppedUntil = 0
  /** Whether all keys that an earlier process stored are added. */
  #isLoaded = false
  readonly #maxFilters: number
  /** The latest key and its hash: a new message's key is searched, and then added. */
  #latestKey = ''
  #latestHash = hashText('')

  constructor(maxFilters = MAX_FILTERS) {
    this.#maxFilters = maxFilters
  }

  add(key: string, expiresAt: number, now: number): void {
    let newest = this.#generations.at(-1)
    if (!newest || newest.filter.isFull) {
      this.#generations = this.#generations.filter((each) => each.expiresAt > now)
      if (this.#generations.length >= this.#maxFilters) {
        const oldest = this.#generations.shift()
        this.#droppedUntil = Math.max(this.#droppedUntil, oldest?.expiresAt ?? 0)
      }
      newest = { filter: new BloomFilter(), expiresAt }
      this.#generations.push(newest)
    }
    newest.filter.add(this.#hashOf(key))
    newest.expiresAt = Math.max(newest.expiresAt, expiresAt)
  }

  /** Called once every stored key was added. Until then `mayHave` returns true. */
  setLoaded(): void {
    this.#isLoaded = true
  }

  /** Returns false if the key is not stored, or has expired. */
  mayHave(key: string, now: number): boolean {
    if (!this.#isLoaded || now <= this.#droppedUntil) return true
    const hash = this.#hashOf(key)
    for (const { filter, expiresAt } of this.#generations)
      if (expiresAt > now && filter.mayHave(hash)) return true
    return false
  }

  #hashOf(key: string): TextHash {
    if (key !== this.#latestKey) {
      this.#latestKey = key
      this.#latestHash = hashText(key)
    }
    return this.#latestHash
  }
}
