/** If the monotonic clock gains more milliseconds than this on the wall clock between two reads, the wall clock was set back. */
const JUMP = 1_000

/** By how much the monotonic clock is ahead of the wall clock. */
let lead = performance.now() - Date.now()
/** By how much the wall clock was set back, in all. */
let setBack = 0

/**
 * Returns the milliseconds of a clock for deadlines. It follows the wall clock. But if the wall clock is set back by more than `JUMP`, this
 * clock goes on, because otherwise every deadline would be late. If the wall clock is set forward, this clock follows: perhaps the device
 * slept, and the monotonic clock stood still.
 */
export const now = (): number => {
  const wall = Date.now()
  const step = Math.round(performance.now() - wall - lead)
  lead += step
  if (step > JUMP) setBack += step
  return wall + setBack
}

/** Returns the Unix time of a deadline. */
export const toUnixTime = (deadline: number): number => {
  // Perhaps the wall clock was set back since the last call.
  now()
  return deadline - setBack
}

/** The longest delay that setTimeout takes. */
const MAX_TIMEOUT = 2 ** 31 - 1

/**
 * Returns a function that sets the timer's one deadline, in milliseconds of `now()`; Infinity clears it. A timer that fires too early is
 * set again. So a deadline may be more than 24.8 days away, and is kept even if the device slept or the browser throttles timers.
 */
export const deadlineTimer = (reached: () => void, signal?: AbortSignal): ((deadline: number) => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const set = (deadline: number): void => {
    clearTimeout(timer)
    if (deadline === Infinity || signal?.aborted) return
    timer = setTimeout(
      () => (now() < deadline ? set(deadline) : reached()),
      Math.min(MAX_TIMEOUT, deadline - now()),
    )
  }
  signal?.addEventListener('abort', () => clearTimeout(timer))
  return set
}

/** Resolves when `done` is called, or after `timeout` milliseconds; then `signal` aborts. */
export const withTimeout = (
  timeout: number,
  run: (done: () => void, signal: AbortSignal) => void,
): Promise<void> =>
  new Promise((resolve) => {
    const controller = new AbortController()
    const { signal } = controller
    const done = (): void => {
      controller.abort()
      resolve()
    }
    deadlineTimer(done, signal)(now() + timeout)
    run(done, signal)
  })
