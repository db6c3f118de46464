import { MAX_DEBT, MAX_THROTTLED } from '../limits/rate-limiter.js'
import type { Transport } from './transport.js'

/** If the user may send this share of `bytesPerSecond` at once, the client has recovered. Its next debt may last `MAX_THROTTLED` again. */
const RECOVERED = 0.5

/** Stops reading from one connection's socket while its user is in debt: the user has sent more than `bytesPerSecond` allows. */
export class Throttle {
  readonly #transport: Pick<Transport, 'pause' | 'resume'>
  #timer: NodeJS.Timeout | undefined
  /** The time at which the client's first debt since its latest recovery began; null if there was none. */
  #since: number | null = null

  constructor(transport: Pick<Transport, 'pause' | 'resume'>) {
    this.#transport = transport
  }

  /** Called before a frame is counted, with the seconds of `bytesPerSecond` that the user has left. */
  recover(seconds: number): void {
    if (seconds >= RECOVERED) this.#since = null
  }

  /**
   * Pauses the socket while the user is in debt. `seconds` is the result of `RateLimiter.spend`. Returns the milliseconds of the pause; 0
   * for no pause; undefined if the client is so far beyond its budget that the connection must end.
   */
  update(seconds: number): number | undefined {
    if (seconds >= 0) return 0
    const now = performance.now()
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
    // While a socket is paused, the client's close frame would not be read.
    this.#transport.resume()
  }
}
