import type { Range } from './store.js'

/** User ids and app ids contain no control characters, so no id can form the key of a row of another id. */
export const SEPARATOR = '\0'
export const AFTER_SEPARATOR = '\x01'

/** The number of digits of the largest safe integer. Numbers that are padded to this length sort as text. */
export const DIGITS = 16

export const keyOf = (...parts: string[]): string => parts.join(SEPARATOR)

const ZEROS = Array.from({ length: DIGITS + 1 }, (_, count) => '0'.repeat(count))

export const padded = (number: number): string => {
  const digits = String(number)
  // `padStart` makes half a kilobyte of garbage.
  return (ZEROS[DIGITS - digits.length] ?? '') + digits
}

/** Returns the last part of a key. */
export const lastOf = (key: string): string => key.slice(key.lastIndexOf(SEPARATOR) + 1)

/** Returns the range of rows whose keys have these parts and one more. */
export const below = (...parts: string[]): Range => {
  const prefix = keyOf(...parts)
  return { gte: prefix + SEPARATOR, lt: prefix + AFTER_SEPARATOR }
}

/**
 * Returns the part of a range after a row; the whole range if `row` is undefined. No key in the range may begin with another key in the
 * range.
 */
export const afterRow = (range: Range, row: string | undefined): Range =>
  row === undefined ? range : { ...range, gte: row + AFTER_SEPARATOR }
