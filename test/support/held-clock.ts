import type { TestContext } from 'node:test'

interface HeldClock {
  /** Lets this much time pass at once, and calls the timers of that time in order, each at its own time. */
  advance(milliseconds: number): void
}

/**
 * Stops `Date`, `performance.now` and `setTimeout` for this test. They go on only by `advance`, so a busy machine changes no time that
 * the test sees. Sockets and files need real time: this is for code that has neither.
 */
export const holdClock = (t: TestContext): HeldClock => {
  const startedAt = 1_000_000
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: startedAt })
  t.mock.method(performance, 'now', () => Date.now() - startedAt)
  return {
    advance(milliseconds) {
      // The milliseconds pass one by one: within a longer tick, every timer would see the clocks of the tick's end.
      for (let passed = 0; passed < milliseconds; passed++) t.mock.timers.tick(1)
    },
  }
}
