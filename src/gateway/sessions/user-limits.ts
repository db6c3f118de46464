import type { App } from '../auth/app.js'
import type { RateLimiter } from '../limits/rate-limiter.js'
import type { Metrics } from '../metrics/metrics.js'
import { userKeyOf } from './hub.js'

/** Each frame counts as this many bytes more, since a small one costs about as much to handle as its answer. */
const FRAME_COST = 64

/** Counts one user's frames against the app's limits by the second, over all of the user's connections to this gateway. */
export class UserLimits {
  readonly #rateLimiter: RateLimiter
  readonly #limitsReached: Metrics['limitsReached']
  readonly #app: App
  /** Identifies the user in the hub and in the rate limiter. */
  readonly userKey: string

  constructor(
    { rateLimiter, metrics }: { rateLimiter: RateLimiter; metrics: Pick<Metrics, 'limitsReached'> },
    app: App,
    userId: string,
  ) {
    this.#rateLimiter = rateLimiter
    this.#limitsReached = metrics.limitsReached
    this.#app = app
    this.userKey = userKeyOf({ appId: app.settings.appId, userId })
  }

  /** Returns 0, or the milliseconds until the user may send another request. */
  takeRequest(): number {
    return this.#take('requestsPerSecond')
  }

  /** Returns 0, or the milliseconds until the user may send another message. */
  takeMessage(): number {
    return this.#take('messagesPerSecond')
  }

  /** Counts a frame against `bytesPerSecond`. Returns the rest, as `RateLimiter.spend` does. */
  spendBytes(bytes: number): number {
    const { bytesPerSecond } = this.#app.settings.limits
    return this.#rateLimiter.spend('bytesPerSecond', this.userKey, bytesPerSecond, bytes + FRAME_COST)
  }

  #take(limit: 'requestsPerSecond' | 'messagesPerSecond'): number {
    const { appId, limits } = this.#app.settings
    const wait = this.#rateLimiter.take(limit, this.userKey, limits[limit])
    if (wait > 0) this.#limitsReached.inc({ app: appId, limit })
    return wait
  }
}
