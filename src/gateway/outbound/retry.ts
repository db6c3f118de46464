/** Milliseconds before the second, third, fourth and fifth delivery of an event. */
const FIRST_DELAYS = [1_000, 2_000, 5_000, 15_000]
/** Later delays double, up to this many milliseconds. */
const MAX_DELAY = 3_600_000
/** Later delays are longer or shorter by up to this share, so that events that failed together are not retried together. */
const JITTER = 0.2

/** The delivery of an event is retried until this many milliseconds after the event. */
const RETRY_WINDOW = 86_400_000

const backoff = (failures: number, random: number): number => {
  const first = FIRST_DELAYS[failures - 1]
  if (first !== undefined) return first
  // The exponent is bounded, so that the product is finite.
  const exponent = Math.min(failures - FIRST_DELAYS.length, 20)
  return Math.min(MAX_DELAY, 15_000 * 2 ** exponent) * (1 + JITTER * (2 * random - 1))
}

/** Returns whether an event that happened at `at` is too old to be delivered again. */
export const hasExpired = (at: number, now: number): boolean => now > at + RETRY_WINDOW

/**
 * Returns the milliseconds until an event or a push is delivered again after this many failures; null if it is given up. `at` and `now` are
 * Unix times in milliseconds. `random` is from 0 to 1.
 */
export const retryDelay = (
  failures: number,
  at: number,
  now = Date.now(),
  random = Math.random(),
): number | null => {
  const delay = Math.round(backoff(failures, random))
  return hasExpired(at, now + delay) ? null : delay
}
