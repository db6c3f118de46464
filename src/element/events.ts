import type { SessionError, StateDetail, TokenNeededEvent, User } from '../session/index.js'

/** All of them bubble and cross shadow roots. */
const everywhere = { bubbles: true, composed: true }

class SessionEvent<D> extends CustomEvent<D> {
  constructor(type: string, detail: D, init: EventInit = everywhere) {
    super(type, { ...init, detail })
  }
}

/** The state changed, or the time of the next attempt to connect did. */
export class SessionStateEvent extends SessionEvent<StateDetail> {}

export interface StartedDetail {
  sessionId: string
  user: User
  guest: boolean
}
/** The gateway has verified the user: a session is live. */
export class SessionStartedEvent extends SessionEvent<StartedDetail> {}

export interface FailedDetail {
  error: SessionError
}
/** The session could not be started, and trying again would not help. */
export class SessionFailedEvent extends SessionEvent<FailedDetail> {}

export interface EndedDetail {
  /** Null when it was ended on purpose by this page. */
  error: SessionError | null
}
/** What was a session is none any more. */
export class SessionEndedEvent extends SessionEvent<EndedDetail> {}

/** Something failed that does not end the session. */
export class SessionErrorEvent extends SessionEvent<FailedDetail> {}

export interface UserDetail {
  user: User
}
/** The user's profile, when the session starts and when it changes. */
export class SessionUserEvent extends SessionEvent<UserDetail> {}

/** The element's events by name. */
export interface SessionElementEventMap {
  'session-state': SessionStateEvent
  'session-started': SessionStartedEvent
  'session-failed': SessionFailedEvent
  'session-ended': SessionEndedEvent
  'session-error': SessionErrorEvent
  'session-user': SessionUserEvent
  'session-token-needed': TokenNeededEvent
}
