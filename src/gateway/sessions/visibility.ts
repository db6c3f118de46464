import { EngineError } from '../../engine/index.js'

/** Milliseconds between two calls of the engine for a session, whether the first one succeeded or failed. */
const INTERVAL = 1_000

interface VisibilityOptions {
  store: (hidden: boolean) => Promise<void>
  /** Returns 0, or the milliseconds until the user has a request left. */
  takeRequest: () => number
  /** Called with an error that does not come from the engine. */
  onDefect: (error: unknown) => void
}

/**
 * Stores whether a session's page is hidden. The first change is stored at once, because a start on any gateway uses this state to decide
 * which session makes room. If several changes come within `INTERVAL`, only the latest state is stored. Each call of the engine counts as a
 * request of the user.
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
    // The latest state must be stored sooner or later. Otherwise the session of a visible page could count as hidden, and end to make room.
    if (this.#timer === undefined) this.#storeLatest()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #storeLatest(): void {
    if (this.#hidden === this.#stored) return
    const { store, takeRequest } = this.#options
    const wait = takeRequest()
    if (wait > 0) return this.#storeIn(wait)
    this.#stored = this.#hidden
    this.#storeIn(INTERVAL)
    store(this.#hidden).catch((error: unknown) => this.#onFailed(error))
  }

  #onFailed(error: unknown): void {
    // If the engine fails, the connection stays open, and the state is stored later.
    if (!(error instanceof EngineError)) return this.#options.onDefect(error)
    this.#stored = undefined
    if (this.#timer === undefined) this.#storeIn(INTERVAL)
  }

  #storeIn(delay: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#storeLatest()
    }, delay).unref()
  }
}
