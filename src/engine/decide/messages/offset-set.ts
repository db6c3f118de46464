/** A set of offsets, with one bit for each offset from `base` on. */
export interface OffsetSet {
  readonly base: number
  readonly bits: Uint8Array
}

/** Returns the set of these offsets, which rise. */
export const offsetSetOf = (offsets: readonly number[]): OffsetSet => {
  const [base = 1] = offsets
  const bits = new Uint8Array(Math.ceil(((offsets.at(-1) ?? base) - base + 1) / 8))
  for (const offset of offsets)
    bits[(offset - base) >> 3] = (bits[(offset - base) >> 3] ?? 0) | (1 << ((offset - base) & 7))
  return { base, bits }
}

export const hasOffset = ({ base, bits }: OffsetSet, offset: number): boolean =>
  offset >= base && ((bits[(offset - base) >> 3] ?? 0) & (1 << ((offset - base) & 7))) !== 0

/** Returns the set's offsets after `after`. */
export const offsetsAfter = (set: OffsetSet, after: number): number[] => {
  const offsets: number[] = []
  const end = set.base + 8 * set.bits.length
  for (let offset = Math.max(after + 1, set.base); offset < end; offset++)
    if (hasOffset(set, offset)) offsets.push(offset)
  return offsets
}

/** Returns how many of the set's offsets come after `after`. */
export const countAfter = ({ base, bits }: OffsetSet, after: number): number => {
  const from = Math.max(0, after + 1 - base)
  let count = 0
  for (let n = from >> 3; n < bits.length; n++) {
    const passed = n === from >> 3 ? from & 7 : 0
    for (let byte = (bits[n] ?? 0) >> passed; byte > 0; byte >>= 1) count += byte & 1
  }
  return count
}
