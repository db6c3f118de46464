/* The element's events. They cross shadow roots. If several elements share a session, only the events of the first one bubble. */
import type {
  ErrorDetail,
  Message,
  MessageDetail,
  PendingDetail,
  PresenceDetail,
  Sent,
  SessionError,
  SignalDetail,
  StateDetail,
  UnreadDetail,
  User,
  UserDetail,
} from '../../session/index.js'

export type {
  ErrorDetail,
  MessageDetail,
  PendingDetail,
  PresenceDetail,
  SignalDetail,
  UnreadDetail,
  UserDetail,
}

/** The state changed, or the time of the next attempt to connect. */
export class SessionStateEvent extends CustomEvent<StateDetail> {}

export interface StartedDetail {
  sessionId: string
  user: User
  guest: boolean
}
/** The gateway has verified the user, and the session is active. */
export class SessionStartedEvent extends CustomEvent<StartedDetail> {}

export interface FailedDetail {
  error: SessionError
}
/**
 * The session could not start, and another try would not help. The console shows why, unless a listener calls
 * `preventDefault()`.
 */
export class SessionFailedEvent extends CustomEvent<FailedDetail> {}

export interface EndedDetail {
  /** The error that ended the session; null if this page ended it. */
  error: SessionError | null
}
/** The session is over. */
export class SessionEndedEvent extends CustomEvent<EndedDetail> {}

/** Something failed, and the session goes on. */
export class SessionErrorEvent extends CustomEvent<ErrorDetail> {}

/** A message came into the inbox: one that the user received, or a copy of one that the user sent. */
export class SessionMessageEvent extends CustomEvent<MessageDetail> {}

/** The number of unread messages changed. */
export class SessionUnreadEvent extends CustomEvent<UnreadDetail> {}

/**
 * Messages of earlier pages failed, or one of these changed: the number of messages that are not stored yet, the reason why they wait, or
 * the time until which they wait.
 */
export class SessionPendingEvent extends CustomEvent<PendingDetail> {}

/** A message of the user is stored: one of this page, or of an earlier page of the tab. */
export class SessionSentEvent extends CustomEvent<Sent> {}

/** A signal came, or a signal ended because its sender sent a message. */
export class SessionSignalEvent extends CustomEvent<SignalDetail> {}

/** The presence of watched users arrived or changed. */
export class SessionPresenceEvent extends CustomEvent<PresenceDetail> {}

export interface NotificationDetail {
  /** The messages that the notification announces: one, or the newest 20 of several. */
  readonly messages: readonly Message[]
  /** A listener may change `title` and `options`. */
  title: string
  options: NotificationOptions
}
/** A notification is about to be shown. `preventDefault()` stops it. */
export class SessionNotificationEvent extends CustomEvent<NotificationDetail> {}

export interface NotificationClickDetail {
  readonly messages: readonly Message[]
}
/** The user clicked on a notification. */
export class SessionNotificationClickEvent extends CustomEvent<NotificationClickDetail> {}

/** The user's profile arrived with the start, or changed. */
export class SessionUserEvent extends CustomEvent<UserDetail> {}
