import type { ConnectionHandle } from './connection-handle.js'
import { DeadlineTimer } from '../deadline-timer.js'

/** When a session's credentials lapse, by the gateway's own clock: then its connection ends. */
export class Lapse {
  readonly #line: Pick<ConnectionHandle, 'end'>
  #expiresAt: number | null = null
  /** Null once nothing lapses, nor is set, any more. */
  #alarm: DeadlineTimer | null | undefined

  constructor(line: Pick<ConnectionHandle, 'end'>) {
    this.#line = line
  }

  /** Unix time in milliseconds, null for never; in the place of what was set before. */
  at(time: number | null): void {
    // A token that was being checked when the connection closed must not set an alarm that nobody will cancel.
    if (this.#alarm === null) return
    this.#alarm?.cancel()
    this.#expiresAt = time
    this.#alarm = time === null ? undefined : new DeadlineTimer(time, () => this.#line.end('token-expired'))
  }

  /** Milliseconds that are left, or null. */
  left(): number | null {
    return this.#expiresAt === null ? null : Math.max(0, this.#expiresAt - Date.now())
  }

  /** From now on nothing lapses, nor is set. */
  stop(): void {
    this.#alarm?.cancel()
    this.#alarm = null
  }
}
