/** The longest delay that `setTimeout` takes, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1

const monotonicNow = (): number => performance.now()

/**
 * Calls `callback` once after `delay` milliseconds of the clock `now`, and never earlier. The delay may be longer than `setTimeout`
 * takes. By default the clock is the monotonic one, which setting the machine's time does not move. The timer does not keep the process
 * alive.
 */
export class Timer {
  readonly #callback: () => void
  readonly #now: () => number
  #deadline: number
  #timeout: NodeJS.Timeout

  constructor(delay: number, callback: () => void, now = monotonicNow) {
    this.#callback = callback
    this.#now = now
    this.#deadline = now() + delay
    this.#timeout = this.#wait()
  }

  /** Milliseconds until the timer fires; negative if the timer is late. */
  get remaining(): number {
    return this.#deadline - this.#now()
  }

  /** Cancels the pending call, and calls `callback` after `delay` milliseconds from now. */
  restart(delay: number): void {
    this.cancel()
    this.#deadline = this.#now() + delay
    this.#timeout = this.#wait()
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }

  #wait(): NodeJS.Timeout {
    const delay = Math.min(Math.max(Math.ceil(this.remaining), 0), MAX_DELAY)
    // The timeout gets the timer as an argument, because a closure for each timer would take more memory.
    return setTimeout(Timer.#check, delay, this).unref()
  }

  static readonly #check = (timer: Timer): void => {
    if (timer.remaining > 0) timer.#timeout = timer.#wait()
    else timer.#callback()
  }
}
