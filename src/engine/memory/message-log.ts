import { DIGITS, padded } from '../exclusive/store/row-keys.js'
import type { Range } from '../exclusive/store/store.js'

/** A row with its value as JSON. */
interface Row {
  readonly value: string
}

/** The messages of one inbox. They are in an array in the order of their offsets, without keys, because the offsets have no gaps. */
export class MessageLog {
  #rows: (Row | undefined)[] = []
  /** The offset of the row at index 0. */
  #base: number
  /** The index of the first row that is not deleted. */
  #start = 0

  constructor(base: number) {
    this.#base = base
  }

  get isEmpty(): boolean {
    return this.#start === this.#rows.length
  }

  get(offset: number): string | undefined {
    return this.#rows[offset - this.#base]?.value
  }

  put(offset: number, row: Row): void {
    const index = offset - this.#base
    if (index === this.#rows.length) this.#rows.push(row)
    else this.#rows[index] = row
  }

  del(offset: number): void {
    const rows = this.#rows
    if (rows[offset - this.#base] === undefined) return
    rows[offset - this.#base] = undefined
    while (this.#start < rows.length && rows[this.#start] === undefined) this.#start++
    // Retention deletes the oldest messages first. Shortening the array at each deletion would take longer than removing half of the rows
    // at once.
    if (this.#start * 2 <= rows.length) return
    this.#rows = rows.slice(this.#start)
    this.#base += this.#start
    this.#start = 0
  }

  range({ gte, lt, reverse = false, limit = Infinity }: Range): [string, string][] {
    const prefix = gte.slice(0, -DIGITS)
    const from = Math.max(offsetOf(gte), this.#base + this.#start)
    const to = Math.min(offsetOf(lt), this.#base + this.#rows.length)
    const found: [string, string][] = []
    for (let n = 0; n < to - from && found.length < limit; n++) {
      const offset = reverse ? to - 1 - n : from + n
      const value = this.get(offset)
      if (value !== undefined) found.push([prefix + padded(offset), value])
    }
    return found
  }
}

/** Returns the offset in the key of a message. Throws if the key does not end with an offset. */
export const offsetOf = (key: string): number => {
  const offset = Number(key.slice(-DIGITS))
  if (Number.isNaN(offset))
    throw new Error(`The key of a message does not end with an offset: ${JSON.stringify(key)}.`)
  return offset
}
