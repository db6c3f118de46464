/** setTimeout takes no longer delays. */
const LONGEST_TIMER = 2 ** 31 - 1

/** A timer that has not fired yet, or nothing. */
export interface Timer {
  cancel(): void
}

/** Calls `reached` once at `time`, a Unix time in milliseconds however far away. Keeps no process alive. */
export const at = (time: number, reached: () => void): Timer => {
  let timer: NodeJS.Timeout
  const wait = (): void => {
    const left = time - Date.now()
    timer = setTimeout(
      () => (Date.now() < time ? wait() : reached()),
      Math.min(LONGEST_TIMER, Math.max(0, left)),
    )
    timer.unref()
  }
  wait()
  return { cancel: () => clearTimeout(timer) }
}
