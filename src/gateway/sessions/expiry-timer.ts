import type { ConnectionHandle } from './connection-handle.js'
import { DeadlineTimer } from '../deadline-timer.js'

/** Ends a session's connection when its credentials expire, by the gateway's own clock. */
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
      expiresAt === null
        ? undefined
        : new DeadlineTimer(expiresAt, () => this.#connection.end('token-expired'))
  }

  /** Returns the milliseconds until the credentials expire; null if they never do. */
  remaining(): number | null {
    return this.#expiresAt === null ? null : Math.max(0, this.#expiresAt - Date.now())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
