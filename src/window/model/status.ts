import type { ChatSessionElement } from '../../element/chat-session.js'

/** Exactly one of these holds, also in CSS: `:state(loading)` and so on. */
export type Status = 'loading' | 'offline' | 'logged-out' | 'ready'

/** What decides which status holds. */
export interface Situation {
  /** The state of the `<chat-session>`; undefined if its tag is not registered yet, and null if there is no tag. */
  state: ChatSessionElement['state'] | undefined | null
  /** Whether the last attempt to connect, or to load what is shown, has failed. */
  hasError: boolean
  /** Whether the browser says that it has a network. */
  isOnline: boolean
  /** Whether what is to be shown has been loaded. */
  hasData: boolean
}

export const statusOf = ({ state, hasError, isOnline, hasData }: Situation): Status => {
  switch (state) {
    case null:
    case 'idle':
    case 'ended':
    case 'failed':
      return 'logged-out'
    case undefined:
      return isOnline ? 'loading' : 'offline'
    case 'starting':
      return hasError || !isOnline ? 'offline' : 'loading'
    case 'reconnecting':
      return 'offline'
    case 'active':
      if (hasError || !isOnline) return 'offline'
      return hasData ? 'ready' : 'loading'
  }
}
