/**
 * The bits of a filter take 1 MB, enough for about 800,000 texts. In a full filter `mayHave` returns true for one in a hundred texts that
 * were not added.
 */
const BITS = 2 ** 23
const BITS_PER_TEXT = 10
const PROBES = 5

/** A set of texts that takes little memory. The set finds every text that was added, and by chance some others. */
class BloomFilter {
  readonly #words = new Uint32Array(BITS / 32)
  #size = 0

  get isFull(): boolean {
    return this.#size * BITS_PER_TEXT >= BITS
  }

  add(hash: TextHash): void {
    this.#size++
    for (let n = 0, bit = hash.first; n < PROBES; n++, bit = (bit + hash.step) | 0) {
      const index = (bit & (BITS - 1)) >>> 5
      this.#words[index] = (this.#words[index] ?? 0) | (1 << (bit & 31))
    }
  }

  /** Returns false only if the text was not added. */
  mayHave(hash: TextHash): boolean {
    for (let n = 0, bit = hash.first; n < PROBES; n++, bit = (bit + hash.step) | 0)
      if (((this.#words[(bit & (BITS - 1)) >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false
    return true
  }
}

/** The positions of a text's bits: the first bit, and the distance from each bit to the next. */
interface TextHash {
  readonly first: number
  readonly step: number
}

/**
 * Computes two hashes in one loop. The first is FNV-1a. The second has another multiplier and a shift, so that two texts rarely have the
 * same two hashes. If a client makes ids whose hashes collide, the only harm is that the engine reads a row for each of that client's
 * messages.
 */
const hashText = (text: string): TextHash => {
  let first = 0x811c9dc5
  let step = 0x9e3779b9
  for (let n = 0; n < text.length; n++) {
    const code = text.charCodeAt(n)
    first = Math.imul(first ^ code, 0x01000193)
    step = Math.imul(step ^ code, 0x85ebca6b)
    step ^= step >>> 15
  }
  // The filter uses the lower 23 bits, so this line mixes the upper bits into them. FNV-1a spreads the last characters of a text only into
  // the upper bits, and the ids of one sender differ most in their last characters.
  first ^= first >>> 15
  return { first, step: step | 1 }
}

/** This many filters are kept at most. Each takes 1 MB, and all together have room for 6,500,000 keys. */
const MAX_FILTERS = 8

interface Generation {
  filter: BloomFilter
  /** When the last key of the filter expires. */
  expiresAt: number
}

/**
 * A filter in memory that recognizes most idempotency keys which are not stored. Without it each message reads the store: it takes 9% more
 * CPU time of the embedded engine, and 27% more in the benchmark's row `growth`.
 */
export class StoredKeysFilter {
  /** The filters, the newest last. */
  #generations: Generation[] = []
  /** The time until which the store may have keys of filters that were dropped. */
  #droppedUntil = 0
  /** Whether the keys that earlier processes have stored are all in the filters. */
  #isLoaded = false
  readonly #maxFilters: number
  /** The latest key and its hash. They are kept because for a new message `mayHave` and then `add` are called with the same key. */
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

  /** Called when every stored key was added. Before that, `mayHave` returns true for every key. */
  setLoaded(): void {
    this.#isLoaded = true
  }

  /** Returns false only if the key is not stored, or has expired. */
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
