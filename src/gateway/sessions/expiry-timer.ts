import type { ConnectionHandle } from './connection-handle.js'
import { DeadlineTimer } from '../deadline-timer.js'

/**
 * Ends a session's connection when its credentials expire: when the wall clock reaches their time, or the monotonic clock has counted as
 * long as they had left, whichever comes first. Otherwise setting the clock back would keep an expired token alive.
 */
export class ExpiryTimer {
  readonly #connection: Pick<ConnectionHandle, 'end'>
  #expiresAt: number | null = null
  /** Null after `stop`. */
  #timer: DeadlineTimer | null | undefined

  constructor(connection: Pick<ConnectionHandle, 'end'>) {
    this.#connection = connection
  }

  /** Replaces the expiry: a Unix time in milliseconds, or null for none. Does nothing after `stop`. */
  set(expiresAt: number | null): void {
    // A token may be accepted after its connection closed: nothing would cancel a timer that is made then.
    if (this.#timer === null) return
    this.#timer?.cancel()
    this.#expiresAt = expiresAt
    this.#timer =
      expiresAt === null ? undefined : new DeadlineTimer(expiresAt - Date.now(), () => this.#expire())
  }

  /** Returns the milliseconds until the credentials expire; null if they never do. */
  remaining(): number | null {
    if (this.#expiresAt === null || !this.#timer) return null
    return Math.max(0, Math.min(this.#expiresAt - Date.now(), Math.ceil(this.#timer.remaining)))
  }

  /** Called when the wall clock has jumped: the monotonic timer does not notice. */
  check(): void {
    if (this.remaining() === 0) this.#expire()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #expire(): void {
    this.#connection.end('token-expired')
  }
}
