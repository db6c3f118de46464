/** How much each of many may do in a second: a token bucket that holds one second's worth, by key. */
export interface RateLimiter {
  /** Takes one of `perSecond`: 0 when there was one, else the milliseconds until there is. */
  take(key: string, perSecond: number): number
}

interface Bucket {
  left: number
  /** Milliseconds, on the clock that nobody sets. */
  at: number
}

/** After so many milliseconds every bucket is full again, and none at all is as good. */
const FULL_AFTER = 1_000

export const createRateLimiter = (): RateLimiter => {
  let recent = new Map<string, Bucket>()
  let older = new Map<string, Bucket>()
  let turned = performance.now()
  return {
    take(key, perSecond) {
      const now = performance.now()
      if (now - turned > FULL_AFTER) {
        older = now - turned > 2 * FULL_AFTER ? new Map<string, Bucket>() : recent
        recent = new Map()
        turned = now
      }
      const known = recent.get(key) ?? older.get(key)
      const left = known
        ? Math.min(perSecond, known.left + ((now - known.at) * perSecond) / 1_000)
        : perSecond
      const taken = left >= 1
      recent.set(key, { left: taken ? left - 1 : left, at: now })
      return taken ? 0 : Math.ceil(((1 - left) * 1_000) / perSecond)
    },
  }
}
