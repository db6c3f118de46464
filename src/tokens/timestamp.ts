/**
 * Returns whether `time`, in milliseconds, lies between 1970 and the latest time of a `Date` (ECMA-262, 21.4.1.1). JSON allows larger
 * numbers: 1e999 is read as Infinity, and a token with that `exp` would never expire.
 */
export const isTimestamp = (time: number): boolean => time >= 0 && time <= 8.64e15

/**
 * Returns whether a claim's date is in milliseconds instead of the seconds of RFC 7519. In seconds 1e12 is the year 33658, in milliseconds
 * 2001. Read as seconds, an `exp` in milliseconds would keep the token alive for ever.
 */
export const isInMilliseconds = (date: number): boolean => date >= 1e12
