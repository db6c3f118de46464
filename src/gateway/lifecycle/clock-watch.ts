/** Milliseconds between two reads of the clocks. */
const INTERVAL = 1_000
/** Milliseconds by which the wall clock may gain or lose in an interval: time servers correct small errors in small steps. */
const TOLERANCE = 1_000

/** Calls `onJump` with the milliseconds, negative if it went back, whenever the wall clock jumps, until `signal` aborts. */
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
