/** The limits that a gateway counts by the second. Each has buckets of its own. */
export type LimitName = 'messagesPerSecond'

/** Limits how often each key does a thing: a token bucket for each key of each limit, which holds the tokens of one second. */
export interface RateLimiter {
  /** Takes one of `perSecond`. Returns 0 if there was one, else the milliseconds until there is. */
  take(limit: LimitName, key: string, perSecond: number): number
  /** Returns how many buckets are kept. */
  size(): number
}

interface Bucket {
  tokens: number
  /** When `tokens` was counted, on the limiter's clock. */
  at: number
}

/** Milliseconds after which every bucket is full again. A key without a bucket has a full one. */
const FULL_AFTER = 1_000

/** A bucket that was refilled for exactly the time that `take` returned may lack this much of a token, by rounding. */
const ROUNDING = 1e-6

/** `clock` returns milliseconds. If it goes back, no time has passed. */
export const createRateLimiter = (clock: () => number = () => performance.now()): RateLimiter => {
  // Two generations: a bucket that was not used in the younger one is full, so that the older one is dropped whole.
  let recent = new Map<string, Bucket>()
  let older = new Map<string, Bucket>()
  let now = clock()
  let rotatedAt = now

  const rotate = (): void => {
    if (now - rotatedAt <= FULL_AFTER) return
    older = now - rotatedAt > 2 * FULL_AFTER ? new Map<string, Bucket>() : recent
    recent = new Map()
    rotatedAt = now
  }

  return {
    take(limit, key, perSecond) {
      now = Math.max(now, clock())
      rotate()
      const name = `${limit}\0${key}`
      const bucket = recent.get(name) ?? older.get(name)
      const tokens = bucket
        ? Math.min(perSecond, bucket.tokens + ((now - bucket.at) * perSecond) / 1_000)
        : perSecond
      const isTaken = tokens >= 1 - ROUNDING
      recent.set(name, { tokens: isTaken ? Math.max(0, tokens - 1) : tokens, at: now })
      return isTaken ? 0 : Math.ceil(((1 - tokens) * 1_000) / perSecond)
    },
    size: () => recent.size + older.size,
  }
}
