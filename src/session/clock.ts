/** setTimeout takes no longer delays. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * One timer for one deadline at a time, as Unix time in milliseconds. It waits for the deadline, not for a duration:
 * when the timer fires the clock is read again, which is right after sleep, under throttling and beyond 24.8 days.
 */
export const clock = (reached: () => void, signal: AbortSignal): ((deadline: number | null) => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const wait = (deadline: number | null): void => {
    clearTimeout(timer)
    if (deadline === null || signal.aborted) return
    const left = deadline - Date.now()
    timer = setTimeout(
      () => (Date.now() < deadline ? wait(deadline) : reached()),
      Math.min(LONGEST_TIMER, Math.max(0, left)),
    )
  }
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  return wait
}

/** Resolves when `done` is called, or `limit` milliseconds have passed; the signal aborts then. */
export const within = (
  limit: number,
  begin: (done: () => void, signal: AbortSignal) => void,
): Promise<void> =>
  new Promise((resolve) => {
    const over = new AbortController()
    const { signal } = over
    const done = (): void => {
      over.abort()
      resolve()
    }
    clock(done, signal)(Date.now() + limit)
    begin(done, signal)
  })
