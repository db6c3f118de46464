import { MAX_DEBT } from '../limits/rate-limiter.js'
import type { Transport } from './transport.js'

/** Milliseconds for which a client may go on beyond its user's bytes a second. */
const MAX_THROTTLED = 10_000
/** If the user has this share of a second's bytes left, the client has recovered: `MAX_THROTTLED` counts from its next debt. */
const RECOVERED = 0.5

/** Stops reading from one connection's socket while its user is in debt of `bytesPerSecond`. */
export class Throttle {
  readonly #transport: Pick<Transport, 'pause' | 'resume'>
  #timer: NodeJS.Timeout | undefined
  /** Since when the client has sent more than its budget without a pause; null if it has not. */
  #since: number | null = null

  constructor(transport: Pick<Transport, 'pause' | 'resume'>) {
    this.#transport = transport
  }

  /**
   * `seconds` is the result of `RateLimiter.spend`. Returns how many milliseconds the socket is paused from now, 0 if it is not, and
   * undefined if the client is so far beyond its budget that the connection must end.
   */
  update(seconds: number): number | undefined {
    const now = performance.now()
    if (seconds >= RECOVERED) this.#since = null
    if (seconds >= 0) return 0
    this.#since ??= now
    if (seconds < -MAX_DEBT || now - this.#since > MAX_THROTTLED) return undefined
    const wait = Math.ceil(-seconds * 1_000)
    this.#transport.pause()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#transport.resume(), wait).unref()
    return wait
  }

  stop(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    // While the socket is paused, the client's close frame is not read.
    this.#transport.resume()
  }
}
