/** Random numbers that a seed determines. */
export interface Random {
  /** At least 0, below 1. */
  next(): number
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number
  /** Returns true with this probability. */
  chance(probability: number): boolean
  pick<T>(values: readonly T[]): T
  /** Picks one; undefined if there is none. Draws no number if there is no choice. */
  any<T>(values: readonly T[]): T | undefined
  /** Random bytes, as `node:crypto` returns them. */
  bytes(length: number): Buffer
}

/** sfc32 of PractRand. Chosen because it is short, has 128 bits of state, and passes the usual tests of randomness. */
const sfc32 = (seed: number): (() => number) => {
  let [a, b, c, counter] = [0, seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 1]
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return (t >>> 0) / 2 ** 32
  }
  // The first numbers of similar seeds are similar.
  for (let round = 0; round < 16; round++) next()
  return next
}

export const createRandom = (seed: number): Random => {
  const next = sfc32(seed)
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  const pick = <T>(values: readonly T[]): T => {
    const value = values[between(0, values.length - 1)]
    if (value === undefined) throw new Error('There is nothing to pick from.')
    return value
  }
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick,
    any: (values) => (values.length > 1 ? pick(values) : values[0]),
    bytes: (length) => Buffer.from(Array.from({ length }, () => between(0, 255))),
  }
}
