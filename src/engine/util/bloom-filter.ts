/**
 * The bits of a filter take 1 MB, enough for about 800,000 texts. In a full filter `mayHave` returns true for one in a hundred texts that
 * were not added.
 */
const BITS = 2 ** 23
const BITS_PER_TEXT = 10
const PROBES = 5

/** A set of texts that takes little memory. The set finds every text that was added, and by chance some others. */
export class BloomFilter {
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
export interface TextHash {
  readonly first: number
  readonly step: number
}

/**
 * Computes two hashes in one loop. The first is FNV-1a. The second has another multiplier and a shift, so that two texts rarely have the
 * same two hashes. If a client makes ids whose hashes collide, the only harm is that the engine reads a row for each of that client's
 * messages.
 */
export const hashText = (text: string): TextHash => {
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
