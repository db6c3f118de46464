/**
 * Whether a time in milliseconds is one from 1970 to the last that a `Date` can hold (ECMA-262, 21.4.1.1). JSON has
 * numbers that are not: 1e999 is read as Infinity, and a token that says so would never lapse.
 */
export const isMoment = (time: number): boolean => time >= 0 && time <= 8.64e15
