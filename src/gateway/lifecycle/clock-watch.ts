/** Milliseconds between two reads of the clocks. */
const INTERVAL = 1_000
/** If the wall clock gains or loses no more milliseconds than this in an interval, it has not jumped: time servers correct small errors. */
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
