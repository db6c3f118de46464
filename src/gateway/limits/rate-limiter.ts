/** The limits that a gateway counts by the second. Each has buckets of its own. */
export type LimitName =
  | 'messagesPerSecond'
  | 'requestsPerSecond'
  | 'bytesPerSecond'
  | 'connectionsPerSecondPerAddress'
  | 'restPerSecond'

/** Limits how much each key may use in a second. Each key of each limit has a token bucket, which holds the tokens of one second. */
export interface RateLimiter {
  /** Takes one of `perSecond`. Returns 0 if there was one, else the milliseconds until there is. */
  take(limit: LimitName, key: string, perSecond: number): number
  /**
   * Spends `amount` of `perSecond`, also if the bucket has less: the key is then in debt, of `MAX_DEBT` at most. Returns the rest in
   * seconds: 1 is a full bucket, -2 a debt that is repaid in two seconds.
   */
  spend(limit: LimitName, key: string, perSecond: number, amount: number): number
  /** Returns how many buckets are kept. */
  size(): number
}

/** Seconds of its budget that a key may be in debt. */
export const MAX_DEBT = 10

/** A bucket that was refilled for exactly the time that `take` returned may lack this much of a token, by rounding. */
const ROUNDING = 1e-6

interface Bucket {
  tokens: number
  /** When `tokens` was counted, on the limiter's clock. */
  at: number
}

/** The buckets of one limit. A key without a bucket has a full one. */
class Buckets {
  /** Milliseconds after which any bucket is full again. */
  readonly #fullAfter: number
  // Two generations: each bucket of the older one is full when the younger one is as old, so that it is dropped whole.
  #recent = new Map<string, Bucket>()
  #older = new Map<string, Bucket>()
  #rotatedAt: number

  constructor(fullAfter: number, now: number) {
    this.#fullAfter = fullAfter
    this.#rotatedAt = now
  }

  get size(): number {
    return this.#recent.size + this.#older.size
  }

  /** Returns the key's bucket, refilled up to `now`. The caller takes tokens from it. */
  refilled(key: string, perSecond: number, now: number): Bucket {
    this.#rotate(now)
    let bucket = this.#recent.get(key)
    if (!bucket) {
      bucket = this.#older.get(key) ?? { tokens: perSecond, at: now }
      this.#recent.set(key, bucket)
    }
    bucket.tokens = Math.min(perSecond, bucket.tokens + ((now - bucket.at) * perSecond) / 1_000)
    bucket.at = now
    return bucket
  }

  #rotate(now: number): void {
    const age = now - this.#rotatedAt
    if (age <= this.#fullAfter) return
    this.#older = age > 2 * this.#fullAfter ? new Map<string, Bucket>() : this.#recent
    this.#recent = new Map()
    this.#rotatedAt = now
  }
}

/** `clock` returns milliseconds. If it goes back, no time has passed. */
export const createRateLimiter = (clock: () => number = () => performance.now()): RateLimiter => {
  let now = clock()
  const buckets: Record<LimitName, Buckets> = {
    messagesPerSecond: new Buckets(1_000, now),
    requestsPerSecond: new Buckets(1_000, now),
    bytesPerSecond: new Buckets(1_000 * (1 + MAX_DEBT), now),
    connectionsPerSecondPerAddress: new Buckets(1_000, now),
    restPerSecond: new Buckets(1_000, now),
  }
  return {
    take(limit, key, perSecond) {
      now = Math.max(now, clock())
      const bucket = buckets[limit].refilled(key, perSecond, now)
      if (bucket.tokens < 1 - ROUNDING) return Math.ceil(((1 - bucket.tokens) * 1_000) / perSecond)
      bucket.tokens = Math.max(0, bucket.tokens - 1)
      return 0
    },
    spend(limit, key, perSecond, amount) {
      now = Math.max(now, clock())
      const bucket = buckets[limit].refilled(key, perSecond, now)
      const tokens = bucket.tokens - amount
      bucket.tokens = Math.max(tokens, -MAX_DEBT * perSecond)
      return tokens / perSecond
    },
    size: () => Object.values(buckets).reduce((sum, { size }) => sum + size, 0),
  }
}
