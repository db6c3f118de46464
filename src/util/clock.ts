/**
 * A clock in whole milliseconds that begins at `start` and runs like the monotonic clock: setting the machine's time does not
 * move it.
 */
export class Clock {
  readonly #offset: number

  constructor(start: number) {
    this.#offset = start - performance.now()
  }

  now(): number {
    return Math.trunc(this.#offset + performance.now())
  }
}
