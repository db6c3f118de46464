/**
 * A clock in whole milliseconds that begins at `start` and runs like the monotonic clock. Setting the machine's time does not move the
 * clock.
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
