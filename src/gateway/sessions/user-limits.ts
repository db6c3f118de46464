import type { App } from '../apps/app.js'
import type { RefusalParts } from '../messages/client-sends.js'
import type { Metrics } from '../metrics/metrics.js'

/** Each frame counts as this many bytes more than it has, because a small frame and its answer also cost time. */
const FRAME_COST = 64

/** Counts one user's frames against the app's limits per second, over all of the user's connections to this gateway. */
export class UserLimits {
  readonly #metrics: Pick<Metrics, 'limitsReached'>
  readonly #app: App
  readonly #userId: string

  constructor(metrics: Pick<Metrics, 'limitsReached'>, app: App, userId: string) {
    this.#metrics = metrics
    this.#app = app
    this.#userId = userId
  }

  /** Counts a request, a message or a signal, and returns 0. If none is left, only returns the milliseconds until one is. */
  take(limit: 'requestsPerSecond' | 'messagesPerSecond' | 'signalsPerSecond'): number {
    const { appId, limits } = this.#app.settings
    const wait = this.#app.userRates.take(limit, this.#userId, limits[limit])
    if (wait > 0) this.#metrics.limitsReached.inc({ app: appId, limit })
    return wait
  }

  /** Counts a message. Returns why it is refused if none is left. */
  refusalOfMessage(): RefusalParts | undefined {
    const wait = this.take('messagesPerSecond')
    return wait > 0 ? ['rate-limited', undefined, wait] : undefined
  }

  /** Counts a frame against `bytesPerSecond`. Returns the result of `RateLimiter.spend`. */
  spendBytes(bytes: number): number {
    return this.#spend(bytes + FRAME_COST)
  }

  /** Returns the seconds of `bytesPerSecond` that the user has left, as `RateLimiter.spend` does. */
  secondsLeft(): number {
    return this.#spend(0)
  }

  /**
   * Counts the bytes and returns 0 if the user has no debt of `bytesPerSecond` (see `RateLimiter.spend`). Otherwise only returns the
   * milliseconds until the debt is repaid.
   */
  takeBytes(bytes: number): number {
    const { appId } = this.#app.settings
    const rest = this.secondsLeft()
    if (rest >= 0) this.spendBytes(bytes)
    else this.#metrics.limitsReached.inc({ app: appId, limit: 'bytesPerSecond' })
    return rest < 0 ? Math.ceil(-rest * 1_000) : 0
  }

  #spend(bytes: number): number {
    const { bytesPerSecond } = this.#app.settings.limits
    return this.#app.userRates.spend('bytesPerSecond', this.#userId, bytesPerSecond, bytes)
  }
}
