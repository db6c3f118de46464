/** Milliseconds between two reads of the clocks. */
const INTERVAL = 1_000
/** How many milliseconds the wall clock may gain or lose in an interval, because time servers correct small errors in small steps. */
const TOLERANCE = 1_000

/**
 * Calls `onJump` whenever the wall clock jumps, with the milliseconds of the jump, which are negative if the clock went back. Ends when
 * `signal` aborts.
 */
export const watchClock = (onJump: (milliseconds: number) => void, signal: AbortSignal): void => {
  const offset = (): number => Date.now() - performance.now()
  let known = offset()
  const timer = setInterval(() => {
    const jump = offset() - known
    known += jump
    if (Math.abs(jump) > TOLERANCE) onJump(Math.round(jump))
  }, INTERVAL).unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
