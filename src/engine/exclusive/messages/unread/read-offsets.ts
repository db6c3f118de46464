/** The offset of the first bit, and the bits in Base64. */
export type StoredReadOffsets = [base: number, bits: string]

/**
 * One bit for each offset. It is set if a peer's mark has reached the message, and the mark of the inbox has not. With these bits an inbox
 * knows its unread messages without reading rows.
 */
export class ReadOffsets {
  #base: number
  #bits: Uint8Array
  /** `countAfter` counts the bits after this offset. */
  #after = 0
  #count = 0

  constructor([base, bits]: StoredReadOffsets = [1, '']) {
    this.#base = base
    this.#bits = Buffer.from(bits, 'base64')
    for (let offset = base; offset < this.#end; offset++) if (this.has(offset)) this.#count++
  }

  has(offset: number): boolean {
    const bit = offset - this.#base
    return bit >= 0 && ((this.#bits[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
  }

  /** Adds an offset. Ignores an offset that `countAfter` does not count any more. */
  add(offset: number): void {
    if (this.has(offset) || offset <= this.#after) return
    if (this.#count === 0) this.#base = offset
    if (offset < this.#base) this.#move(offset)
    if (offset >= this.#end) this.#grow(offset)
    const bit = offset - this.#base
    this.#bits[bit >> 3] = (this.#bits[bit >> 3] ?? 0) | (1 << (bit & 7))
    this.#count++
  }

  /** Stops counting the offsets up to `after`, for later calls too. Returns how many added offsets are still counted. */
  countAfter(after: number): number {
    for (let offset = Math.max(this.#after + 1, this.#base); offset <= after && offset < this.#end; offset++)
      if (this.has(offset)) this.#count--
    this.#after = Math.max(after, this.#after)
    if (this.#count === 0) this.#bits = new Uint8Array(0)
    return this.#count
  }

  *offsets(): Iterable<number> {
    for (let offset = Math.max(this.#after + 1, this.#base); offset < this.#end; offset++)
      if (this.has(offset)) yield offset
  }

  /** The bits for the store; undefined if no bit is counted any more. */
  get stored(): StoredReadOffsets | undefined {
    if (this.#count === 0) return undefined
    const from = this.#passed
    const to = this.#bits.findLastIndex((bits) => bits !== 0) + 1
    const bits = Buffer.from(this.#bits.subarray(from, to)).toString('base64')
    return [this.#base + 8 * from, bits]
  }

  /** How many of the first bytes have only bits that are not counted any more. */
  get #passed(): number {
    return Math.max(0, this.#after + 1 - this.#base) >> 3
  }

  /** The offset after the last bit. */
  get #end(): number {
    return this.#base + 8 * this.#bits.length
  }

  /** Makes room for an offset beyond the last bit, and drops the bits that are not counted any more. */
  #grow(offset: number): void {
    const passed = this.#passed
    this.#base += 8 * passed
    const bits = new Uint8Array(Math.max(16, 2 * ((offset - this.#base) >> 3)))
    bits.set(this.#bits.subarray(passed))
    this.#bits = bits
  }

  /** Makes room before the first bit, so that the offset `base` has a bit. */
  #move(base: number): void {
    const bytes = Math.ceil((this.#base - base) / 8)
    const bits = new Uint8Array(bytes + this.#bits.length)
    bits.set(this.#bits, bytes)
    this.#bits = bits
    this.#base -= 8 * bytes
  }
}
