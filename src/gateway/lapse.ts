import { at, type Timer } from './timer.js'

/** When a session's credentials lapse, by the gateway's own clock. */
export interface Lapse {
  /** Unix time in milliseconds, null for never; in the place of what was set before. */
  at(time: number | null): void
  /** Milliseconds that are left, or null. */
  left(): number | null
  /** From now on nothing lapses, nor is set. */
  stop(): void
}

export const createLapse = (lapsed: () => void): Lapse => {
  let expiresAt: number | null = null
  let timer: Timer | undefined
  let stopped = false
  return {
    at(time) {
      timer?.cancel()
      // A token that was being checked when the connection closed must not set a timer that nobody will cancel.
      if (stopped) return
      expiresAt = time
      timer = time === null ? undefined : at(time, lapsed)
    },
    left: () => (expiresAt === null ? null : Math.max(0, expiresAt - Date.now())),
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
