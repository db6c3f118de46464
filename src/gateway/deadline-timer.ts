/** The longest delay that `setTimeout` takes, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1
/** Delays from this length on are cut to whole seconds: Node keeps timers of the same length in one list. */
const COARSE_FROM = 10_000

const delayFor = (left: number): number =>
  left < COARSE_FROM ? Math.max(0, left) : Math.min(MAX_DELAY, left - (left % 1_000))

/**
 * Calls `callback` once after `delay` milliseconds, which may be more than `setTimeout` takes. It reads the monotonic clock, so that
 * setting the machine's clock changes nothing. It does not keep the process alive.
 */
export class DeadlineTimer {
  #deadline: number
  readonly #callback: () => void
  #timer: NodeJS.Timeout

  constructor(delay: number, callback: () => void) {
    this.#deadline = performance.now() + delay
    this.#callback = callback
    this.#timer = this.#wait()
  }

  /** The milliseconds that are left; negative if the timer is late. */
  get remaining(): number {
    return this.#deadline - performance.now()
  }

  /** Sets the timer anew, to `delay` milliseconds from now. */
  restart(delay: number): void {
    this.cancel()
    this.#deadline = performance.now() + delay
    this.#timer = this.#wait()
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }

  #wait(): NodeJS.Timeout {
    // The timer has its argument instead of a closure, which would take more memory for each session.
    return setTimeout(DeadlineTimer.#check, delayFor(this.remaining), this).unref()
  }

  static readonly #check = (timer: DeadlineTimer): void => {
    if (timer.remaining > 0) timer.#timer = timer.#wait()
    else timer.#callback()
  }
}
