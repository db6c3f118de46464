/* The element's events. They bubble and cross shadow roots. */
import type { Message, SessionError, StateDetail, User } from '../session/index.js'

/** The state changed, or the time of the next attempt to connect did. */
export class SessionStateEvent extends CustomEvent<StateDetail> {}

export interface StartedDetail {
  sessionId: string
  user: User
  guest: boolean
}
/** The gateway has verified the user: a session is live. */
export class SessionStartedEvent extends CustomEvent<StartedDetail> {}

export interface FailedDetail {
  error: SessionError
}
/**
 * The session could not be started, and trying again would not help. The console is told why, unless a listener calls
 * `preventDefault()`.
 */
export class SessionFailedEvent extends CustomEvent<FailedDetail> {}

export interface EndedDetail {
  /** Null when it was ended on purpose by this page. */
  error: SessionError | null
}
/** What was a session is none any more. */
export class SessionEndedEvent extends CustomEvent<EndedDetail> {}

/** Something failed that does not end the session. */
export class SessionErrorEvent extends CustomEvent<FailedDetail> {}

export interface MessageDetail {
  message: Message
}
/** A message came into the inbox: one that the user received, or a copy of one they sent. */
export class SessionMessageEvent extends CustomEvent<MessageDetail> {}

export interface UnreadDetail {
  unread: number
}
/** The number of unread messages changed. */
export class SessionUnreadEvent extends CustomEvent<UnreadDetail> {}

export interface NotificationDetail {
  /** Whose notification it is: one message, or the newest 20 of those that were missed. */
  readonly messages: readonly Message[]
  /** Both may be changed. */
  title: string
  options: NotificationOptions
}
/** A notification is about to be shown; `preventDefault()` stops it. */
export class SessionNotificationEvent extends CustomEvent<NotificationDetail> {}

export interface NotificationClickDetail {
  readonly messages: readonly Message[]
}
/** Somebody clicked on a notification. */
export class SessionNotificationClickEvent extends CustomEvent<NotificationClickDetail> {}

export interface UserDetail {
  user: User
}
/** The user's profile, when the session starts and when it changes. */
export class SessionUserEvent extends CustomEvent<UserDetail> {}
