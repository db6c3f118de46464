/** Milliseconds: `setTimeout` takes no longer delay. */
const MAX_DELAY = 2 ** 31 - 1
/** Delays from this length on are cut to whole seconds: Node keeps timers of the same length in one list. */
const COARSE_FROM = 10_000

const delayFor = (left: number): number =>
  left < COARSE_FROM ? Math.max(0, left) : Math.min(MAX_DELAY, left - (left % 1_000))

/** Calls `callback` once at `time`, a Unix time in milliseconds at any distance. Does not keep the process alive. */
export class DeadlineTimer {
  readonly #time: number
  readonly #callback: () => void
  #timer: NodeJS.Timeout

  constructor(time: number, callback: () => void) {
    this.#time = time
    this.#callback = callback
    this.#timer = this.#wait()
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(() => this.#check(), delayFor(this.#time - Date.now())).unref()
  }

  #check(): void {
    if (Date.now() < this.#time) this.#timer = this.#wait()
    else this.#callback()
  }
}
