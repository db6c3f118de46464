/** Limits how much each key may use in a second. Each key of each limit has a token bucket with room for the tokens of one second. */
export type RateLimiter = ReturnType<typeof createRateLimiter>

/** Milliseconds in which an empty bucket fills. */
const SECOND = 1_000

/** The greatest debt of a key, in seconds of its budget. */
export const MAX_DEBT = 10
/** Milliseconds for which a client may send more than `bytesPerSecond`. A pause of its socket may go on beyond them by `MAX_DEBT`. */
export const MAX_THROTTLED = 10_000

/** A gateway's limits per second, which have buckets of their own. */
const LIMITS = [
  'messagesPerSecond',
  'requestsPerSecond',
  'signalsPerSecond',
  'bytesPerSecond',
  'connectionsPerSecondPerAddress',
  'restPerSecond',
  'inboxMessagesPerSecond',
] as const
export type LimitName = (typeof LIMITS)[number]

/** After exactly the time that `take` returned, a bucket may lack this part of a token, because of rounding. */
const ROUNDING = 1e-6

/** The buckets that were used in a period. Each bucket is a number, because an object would take more memory. */
interface Generation {
  /** When the generation began, on the limiter's clock. */
  readonly start: number
  /**
   * When each key's bucket is full again, in milliseconds after `start`. These numbers are small, so that rounding errors do not add up.
   */
  readonly fullAt: Map<string, number>
  /** When all of these buckets are full again, on the limiter's clock. */
  allFullAt: number
}

const newGeneration = (start: number): Generation => ({ start, fullAt: new Map(), allFullAt: start })

/**
 * The buckets of one limit. A full bucket need not be kept. So after a second another generation begins, as soon as all buckets of the older
 * one are full. Only a debt takes longer than a second.
 */
class Buckets {
  #recent: Generation
  #older: Generation

  constructor(now: number) {
    this.#recent = newGeneration(now)
    this.#older = newGeneration(now)
  }

  get size(): number {
    return this.#recent.fullAt.size + this.#older.fullAt.size
  }

  /** Returns the milliseconds until the key's bucket is full. */
  missing(key: string, now: number): number {
    this.#rotate(now)
    const { start, fullAt } = this.#recent
    const recent = fullAt.get(key)
    if (recent !== undefined) return Math.max(0, recent - (now - start))
    const older = this.#older.fullAt.get(key)
    return older === undefined ? 0 : Math.max(0, older - (now - this.#older.start))
  }

  /** Sets the milliseconds until the bucket is full. Called right after `missing`, which rotates the generations. */
  set(key: string, now: number, missing: number): void {
    const recent = this.#recent
    recent.fullAt.set(key, now - recent.start + missing)
    recent.allFullAt = Math.max(recent.allFullAt, now + missing)
  }

  #rotate(now: number): void {
    const recent = this.#recent
    if (now - recent.start <= SECOND || now < this.#older.allFullAt) return
    this.#older = now < recent.allFullAt ? recent : newGeneration(now)
    this.#recent = newGeneration(now)
  }
}

/** Creates a rate limiter. `clock` returns milliseconds. If the clock goes back, no time passes until the clock has caught up. */
export const createRateLimiter = (clock: () => number = () => performance.now()) => {
  let now = clock()
  const buckets = {} as Record<LimitName, Buckets>
  for (const limit of LIMITS) buckets[limit] = new Buckets(now)
  return {
    /** Takes one token of `perSecond`. Returns 0 if there was a token, else the milliseconds until there is one. */
    take(limit: LimitName, key: string, perSecond: number): number {
      now = Math.max(now, clock())
      const missing = buckets[limit].missing(key, now)
      const tokens = perSecond * (1 - missing / SECOND)
      if (tokens < 1 - ROUNDING) return Math.ceil(((1 - tokens) * SECOND) / perSecond)
      buckets[limit].set(key, now, Math.min(SECOND, missing + SECOND / perSecond))
      return 0
    },
    /**
     * Spends `amount` tokens of `perSecond`. If the bucket has fewer tokens, the key is in debt afterwards. Returns what remains, in
     * seconds: 1 is a full bucket, -2 is a debt that is repaid in two seconds. Of a debt above `MAX_DEBT` only `MAX_DEBT` is kept.
     */
    spend(limit: LimitName, key: string, perSecond: number, amount: number): number {
      now = Math.max(now, clock())
      const missing = buckets[limit].missing(key, now) + (amount * SECOND) / perSecond
      buckets[limit].set(key, now, Math.min(missing, SECOND * (1 + MAX_DEBT)))
      return 1 - missing / SECOND
    },
    /** Returns how many buckets are kept. */
    size: (): number => Object.values(buckets).reduce((sum, { size }) => sum + size, 0),
  }
}
