/** setTimeout takes no longer delays. */
const LONGEST_TIMER = 2 ** 31 - 1
/** From so many milliseconds on a wait is cut to whole seconds: Node keeps timers of one length in one list. */
const LONG = 10_000

const delayFor = (left: number): number =>
  left < LONG ? Math.max(0, left) : Math.min(LONGEST_TIMER, left - (left % 1_000))

/** Calls `ring` once at `time`, a Unix time in milliseconds however far away. Keeps no process alive. */
export class Alarm {
  readonly #time: number
  readonly #ring: () => void
  #timer: NodeJS.Timeout

  constructor(time: number, ring: () => void) {
    this.#time = time
    this.#ring = ring
    this.#timer = this.#wait()
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(() => this.#look(), delayFor(this.#time - Date.now())).unref()
  }

  #look(): void {
    if (Date.now() < this.#time) this.#timer = this.#wait()
    else this.#ring()
  }
}
