import type { SessionInfo } from './machine/state.js'

/** What the element uses of a session besides its public members. */
export interface SessionInternals {
  /** Returns the gateway's latest state of the session; null while there is none. */
  info(): SessionInfo | null
  /** Ends the session as `end()` does, but nobody logs out: a guest's token stays in `localStorage`. */
  close(): Promise<void>
}

/** The name of a session's internals. The package does not publish this symbol. */
export const internals = Symbol('internals')
