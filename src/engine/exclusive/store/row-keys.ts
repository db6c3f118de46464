import type { UserRef } from '../../engine.js'
import type { Range } from './store.js'

/**
 * The character between the parts of a key. User ids and app ids contain no control characters, so no id can imitate the key of another
 * id's row.
 */
export const SEPARATOR = '\0'
export const AFTER_SEPARATOR = '\x01'

/** The number of digits of the largest safe integer. If numbers are padded to this length, their texts have the order of the numbers. */
export const DIGITS = 16

export const keyOf = (...parts: string[]): string => parts.join(SEPARATOR)

const ZEROS = Array.from({ length: DIGITS + 1 }, (_, count) => '0'.repeat(count))

export const padded = (number: number): string => {
  const digits = String(number)
  // This does not call `padStart`, which makes half a kilobyte of garbage.
  return (ZEROS[DIGITS - digits.length] ?? '') + digits
}

/** Returns the last part of a key. */
export const lastOf = (key: string): string => key.slice(key.lastIndexOf(SEPARATOR) + 1)

/** Returns the range of rows whose keys begin with these parts and have further ones. */
export const below = (...parts: string[]): Range => {
  const prefix = keyOf(...parts)
  return { gte: prefix + SEPARATOR, lt: prefix + AFTER_SEPARATOR }
}

/**
 * Returns the part of a range after a row; the whole range if `row` is undefined. Works only if no key in the range begins with another
 * one.
 */
export const afterRow = (range: Range, row: string | undefined): Range =>
  row === undefined ? range : { ...range, gte: row + AFTER_SEPARATOR }

/** Returns functions that make and read the keys of rows with a time and a user. The rows of an app are in the order of their times. */
export const timedRows = (kind: string) => ({
  at: ({ appId, userId }: UserRef, time: number) => keyOf(kind, appId, padded(time) + userId),
  until: (appId: string, time: number): Range => ({
    ...below(kind, appId),
    lt: keyOf(kind, appId, padded(time + 1)),
  }),
  all: (appId: string): Range => below(kind, appId),
  of: (row: string): { time: number; userId: string } => ({
    time: Number(lastOf(row).slice(0, DIGITS)),
    userId: lastOf(row).slice(DIGITS),
  }),
})
