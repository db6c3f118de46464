import type { Range } from './store.js'

/** User ids and app ids hold no control characters, so no id can form the key of another id's row. */
export const SEPARATOR = '\0'
export const AFTER_SEPARATOR = '\x01'

/** The digits of the largest safe integer: numbers of this length sort as text. */
export const DIGITS = 16

export const keyOf = (...parts: string[]): string => parts.join(SEPARATOR)

const ZEROS = Array.from({ length: DIGITS + 1 }, (_, count) => '0'.repeat(count))

export const padded = (number: number): string => {
  const digits = String(number)
  // `padStart` makes half a kilobyte of garbage.
  return (ZEROS[DIGITS - digits.length] ?? '') + digits
}

/** The last part of a key. */
export const lastOf = (key: string): string => key.slice(key.lastIndexOf(SEPARATOR) + 1)

/** The rows whose keys have these parts and one more. */
export const below = (...parts: string[]): Range => {
  const prefix = keyOf(...parts)
  return { gte: prefix + SEPARATOR, lt: prefix + AFTER_SEPARATOR }
}

/** The rows of a range after one of them; all if `row` is undefined. No key may continue another one of the range. */
export const afterRow = (range: Range, row: string | undefined): Range =>
  row === undefined ? range : { ...range, gte: row + AFTER_SEPARATOR }
