/** Milliseconds before the second, third, fourth and fifth delivery of an event. */
const FIRST_PAUSES = [1_000, 2_000, 5_000, 15_000]
/** The later pauses double, up to this. */
const MAX_PAUSE = 3_600_000
/** The later pauses are longer or shorter by up to this share, so that events that failed together do not come back together. */
const JITTER = 0.2

/** Milliseconds after an event in which it is tried to be delivered. */
const RETRY_WINDOW = 86_400_000

const pauseAfter = (failures: number, random: number): number => {
  const first = FIRST_PAUSES[failures - 1]
  if (first !== undefined) return first
  // The exponent is bounded, so that the product is finite.
  const exponent = Math.min(failures - FIRST_PAUSES.length, 20)
  return Math.min(MAX_PAUSE, 15_000 * 2 ** exponent) * (1 + JITTER * (2 * random - 1))
}

/** Returns whether an event that happened at `at` is too old to be delivered again. */
export const hasExpired = (at: number, now: number): boolean => now > at + RETRY_WINDOW

/**
 * Returns when an event is delivered again after so many failures; null if it is given up. Times are Unix times, in milliseconds.
 * `random` is from 0 to 1.
 */
export const retryAt = (
  failures: number,
  at: number,
  now = Date.now(),
  random = Math.random(),
): number | null => {
  const next = Math.round(now + pauseAfter(failures, random))
  return hasExpired(at, next) ? null : next
}
