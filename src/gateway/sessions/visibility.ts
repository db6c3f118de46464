import type { ConnectionHandle } from './connection-handle.js'

/** Milliseconds between two calls of the engine for a session, even after a call that failed. */
const INTERVAL = 1_000

interface VisibilityOptions {
  store: (hidden: boolean) => Promise<void>
  /** Takes one of the user's requests and returns 0. If none is left, returns the milliseconds until one is. */
  takeRequest: () => number
  connection: Pick<ConnectionHandle, 'surviveEngineError'>
}

/**
 * Stores whether a session's page is hidden. If a user has too many sessions, a start on any gateway ends the sessions of hidden pages
 * before those of visible ones. So the first change is stored at once. Of the changes in the `INTERVAL` after it, only the latest is
 * stored. Each call of the engine counts as a request of the user.
 */
export class Visibility {
  readonly #options: VisibilityOptions
  #hidden = false
  /** The state that the engine has; undefined if that is not known. */
  #stored: boolean | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: VisibilityOptions) {
    this.#options = options
  }

  set(hidden: boolean): void {
    this.#hidden = hidden
    // If a timer runs, the latest state is stored when the timer ends. If that state were never stored, the session of a visible page could
    // count as hidden, and end when the user has too many sessions.
    if (this.#timer === undefined) this.#storeLatest()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #storeLatest(): void {
    if (this.#hidden === this.#stored) return
    const { store, takeRequest, connection } = this.#options
    const wait = takeRequest()
    if (wait > 0) return this.#storeIn(wait)
    this.#stored = this.#hidden
    this.#storeIn(INTERVAL)
    // If the engine fails, the state is stored later.
    void connection.surviveEngineError(store(this.#hidden), () => {
      this.#stored = undefined
      if (this.#timer === undefined) this.#storeIn(INTERVAL)
    })
  }

  #storeIn(delay: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#storeLatest()
    }, delay).unref()
  }
}
