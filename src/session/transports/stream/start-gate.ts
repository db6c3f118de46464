import type { StartFrame } from '../connection.js'

/** The `start` frame of an attempt. The session sends it when it has credentials, and was told that the connection is open. */
export interface StartGate {
  /** The frame; null until it is known. */
  readonly start: StartFrame | null
  /** Calls `use` when the frame is known, at once if it is. Tells the session that the connection is open. */
  whenKnown(use: (start: StartFrame) => void): void
  set(start: StartFrame): void
  /** Drops the calls of `whenKnown` that wait. */
  close(): void
}

/** `given` is the frame if it is known already. `isOpened` says whether the session was told that the connection is open. */
export const createStartGate = (
  given: StartFrame | null,
  isOpened: boolean,
  tellOpened: () => void,
): StartGate => {
  let start = given
  let waiting: ((start: StartFrame) => void)[] = []
  return {
    get start() {
      return start
    },
    whenKnown(use) {
      if (start) use(start)
      else waiting.push(use)
      if (isOpened) return
      isOpened = true
      // A listener is not called before the function that made its connection has returned.
      queueMicrotask(tellOpened)
    },
    set(frame) {
      start = frame
      for (const use of waiting.splice(0)) use(frame)
    },
    close() {
      waiting = []
    },
  }
}
