import { DeadlineTimer } from '../deadline-timer.js'

/** Times are rounded up to a multiple of this, in milliseconds, so that the retries of many events share a few timers. */
const RESOLUTION = 250

/** Calls `onDue` at each of its times (Unix, milliseconds), with one timer for the earliest. */
export class WakeUps {
  readonly #onDue: () => void
  readonly #times = new Set<number>()
  #timer: DeadlineTimer | undefined
  #timerAt = Infinity

  constructor(onDue: () => void) {
    this.#onDue = onDue
  }

  add(at: number): void {
    // Later than `at` by a millisecond at least: the timer counts in fractions of milliseconds, so it could fire too early.
    const time = (Math.floor(at / RESOLUTION) + 1) * RESOLUTION
    this.#times.add(time)
    if (time < this.#timerAt) this.#setTimer(time)
  }

  stop(): void {
    this.#times.clear()
    this.#setTimer(Infinity)
  }

  #setTimer(at: number): void {
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = at === Infinity ? undefined : new DeadlineTimer(at - Date.now(), () => this.#fire())
  }

  #fire(): void {
    const firedAt = this.#timerAt
    let next = Infinity
    for (const time of this.#times)
      if (time <= firedAt) this.#times.delete(time)
      else next = Math.min(next, time)
    this.#setTimer(next)
    this.#onDue()
  }
}
