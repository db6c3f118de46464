import type { ConnectionHandle } from './connection-handle.js'
import { DeadlineTimer } from '../deadline-timer.js'

/** When a session's credentials lapse, by the gateway's own clock: then its connection ends. */
export class ExpiryTimer {
  readonly #connection: Pick<ConnectionHandle, 'end'>
  #expiresAt: number | null = null
  /** Null once nothing lapses, nor is set, any more. */
  #timer: DeadlineTimer | null | undefined

  constructor(line: Pick<ConnectionHandle, 'end'>) {
    this.#connection = line
  }

  /** Unix time in milliseconds, null for never; in the place of what was set before. */
  set(time: number | null): void {
    // A token that was being checked when the connection closed must not set an alarm that nobody will cancel.
    if (this.#timer === null) return
    this.#timer?.cancel()
    this.#expiresAt = time
    this.#timer =
      time === null ? undefined : new DeadlineTimer(time, () => this.#connection.end('token-expired'))
  }

  /** Milliseconds that are left, or null. */
  remaining(): number | null {
    return this.#expiresAt === null ? null : Math.max(0, this.#expiresAt - Date.now())
  }

  /** From now on nothing lapses, nor is set. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
