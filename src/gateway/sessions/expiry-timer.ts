import type { ConnectionHandle } from './connection-handle.js'
import { createTurnLimit } from '../limits/turn-limit.js'
import { Timer } from '../../util/timer.js'

/**
 * How many sessions end in one turn of the event loop because their credentials have expired. A backend may let all its tokens expire at the
 * same time, such as midnight. Without a limit the ends of ten thousand sessions would delay every other session.
 */
const EXPIRED_PER_TURN = 32
/** All gateways of the process share this limit, because they share the event loop. */
const expiryTurns = createTurnLimit(EXPIRED_PER_TURN)

/**
 * Ends a session's connection when its credentials expire. The timer follows the monotonic clock. When the wall clock has jumped, `check`
 * compares the expiry with both clocks. If only the wall clock counted, setting it back would keep an expired token alive.
 */
export class ExpiryTimer {
  readonly #connection: Pick<ConnectionHandle, 'end'>
  #expiresAt: number | null = null
  /** When the credentials expire by the monotonic clock, in whole milliseconds. */
  #deadline = 0
  /** The latest `until`, in whole milliseconds, too: V8 keeps a fraction in an object of 16 bytes. */
  #watchedUntil = 0
  /** Null after `stop`. Undefined while no timer is needed: the credentials never expire, or `watch` will be called before they do. */
  #timer: Timer | null | undefined

  constructor(connection: Pick<ConnectionHandle, 'end'>) {
    this.#connection = connection
  }

  /** Replaces the expiry: a Unix time in milliseconds, or null for none. Does nothing after `stop`. */
  set(expiresAt: number | null): void {
    // A token may be accepted after the connection has closed. Nothing would cancel a timer then.
    if (this.#timer === null) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#expiresAt = expiresAt
    if (expiresAt !== null) this.#deadline = Math.ceil(performance.now() + expiresAt - Date.now())
    this.#setTimer()
  }

  /**
   * If the credentials expire before `until`, a time of the monotonic clock, sets a timer. The next regular ping calls `watch` again before
   * `until`, so a later deadline needs no timer yet.
   */
  watch(until: number): void {
    this.#watchedUntil = Math.ceil(until)
    this.#setTimer()
  }

  /** Returns the milliseconds until the credentials expire; null if they never do. */
  remaining(): number | null {
    if (this.#expiresAt === null || this.#timer === null) return null
    return Math.max(0, Math.min(this.#expiresAt - Date.now(), Math.ceil(this.#deadline - performance.now())))
  }

  /** Called when the wall clock has jumped, which the monotonic timer does not notice. */
  check(): void {
    if (this.remaining() === 0) this.#expire()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #setTimer(): void {
    if (this.#timer !== undefined || this.#expiresAt === null || this.#deadline > this.#watchedUntil) return
    this.#timer = new Timer(this.#deadline - performance.now(), () => this.#expire())
  }

  #expire(): void {
    expiryTurns.run(() => {
      // Fresh credentials may have come while this session waited for its turn.
      if (this.remaining() === 0) this.#connection.end('token-expired')
    })
  }
}
