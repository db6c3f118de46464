/** The longest delay that setTimeout takes. */
const MAX_TIMEOUT = 2 ** 31 - 1

/**
 * Returns a function that sets the timer's one deadline, as Unix time in milliseconds; null clears it. When the timer fires
 * it reads the clock again, and waits on if it is early. This is right after sleep, under throttling and beyond 24.8 days.
 */
export const deadlineTimer = (
  reached: () => void,
  signal: AbortSignal,
): ((deadline: number | null) => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const set = (deadline: number | null): void => {
    clearTimeout(timer)
    if (deadline === null || signal.aborted) return
    const left = deadline - Date.now()
    timer = setTimeout(
      () => (Date.now() < deadline ? set(deadline) : reached()),
      Math.min(MAX_TIMEOUT, Math.max(0, left)),
    )
  }
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
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
    deadlineTimer(done, signal)(Date.now() + timeout)
    run(done, signal)
  })
