/**
 * Returns whether `time`, in milliseconds, lies between 1970 and the last time that a `Date` can hold (ECMA-262, 21.4.1.1). JSON can
 * hold other numbers: 1e999 is read as Infinity, and a token with that `exp` would never expire.
 */
export const isTimestamp = (time: number): boolean => time >= 0 && time <= 8.64e15

/**
 * Returns whether a claim's date is in milliseconds, where RFC 7519 wants seconds: as seconds, 1e12 is the year 33658; as milliseconds it
 * is 2001. Read as seconds, an `exp` in milliseconds would keep the token alive for ever.
 */
export const isInMilliseconds = (date: number): boolean => date >= 1e12
