/** setTimeout takes no longer delays. */
const MAX_DELAY = 2 ** 31 - 1
/** From so many milliseconds on a wait is cut to whole seconds: Node keeps timers of one length in one list. */
const COARSE_FROM = 10_000

const delayFor = (left: number): number =>
  left < COARSE_FROM ? Math.max(0, left) : Math.min(MAX_DELAY, left - (left % 1_000))

/** Calls `ring` once at `time`, a Unix time in milliseconds however far away. Keeps no process alive. */
export class DeadlineTimer {
  readonly #time: number
  readonly #callback: () => void
  #timer: NodeJS.Timeout

  constructor(time: number, ring: () => void) {
    this.#time = time
    this.#callback = ring
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
