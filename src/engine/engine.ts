import type { EndCode, JsonObject, Message, Profile } from '../protocol/index.js'

/** A user of an app. The caller has checked both ids: an engine may rely on their having no control characters. */
export interface UserRef {
  appId: string
  userId: string
}

export interface SessionRef extends UserRef {
  sessionId: string
}

/**
 * A stored user. The profile that the app's backend vouched for and the profile that clients claimed are separate, because
 * vouched fields win even over claimed fields that came later. `mergeProfile` merges the two.
 */
export interface UserRecord extends UserRef {
  vouched: Profile
  /** When the vouched profile was issued (Unix, milliseconds); null if that is unknown, or if no profile was vouched for. */
  vouchedAt: number | null
  claimed: Profile
  /** Unix time, in milliseconds. */
  createdAt: number
}

/** A profile that the app's backend vouches for. */
export interface VouchedProfile {
  profile: Profile
  /** When it was issued (Unix, milliseconds); null if that is unknown. */
  issuedAt: number | null
}

export interface UserChange {
  /**
   * Replaces the vouched profile as a whole, unless one with a later `issuedAt` is stored: an older token that is still valid
   * must not bring back a role that was taken away. With `issuedAt: null` it replaces none.
   */
  vouched?: VouchedProfile | undefined
  /** A given field replaces the stored one. Other fields stay. */
  claimed?: Profile | undefined
}

export interface SavedUser {
  user: UserRecord
  created: boolean
  /** Whether the profile differs from the stored one; true for a new user. */
  changed: boolean
}

/** A session that has not ended. Times are Unix times, in milliseconds. */
export interface SessionRecord extends SessionRef {
  guest: boolean
  startedAt: number
  lastSeenAt: number
  /** `active`: a connection carries it. `detached`: it is held until its client returns or the hold expires. */
  state: 'active' | 'detached'
  /** Whether the session's page is hidden. */
  hidden: boolean
}

export interface SessionRequest extends UserRef {
  guest: boolean
  /** Whether the session's page is hidden. */
  hidden: boolean
  /** The connection that carries the session from now on. Unique among all gateways on the engine. */
  connectionId: string
  /** Hash of the resume key that the client is given now. Engines never receive the keys themselves. */
  keyHash: string
  /** Hash of the resume key that the client sent. If it belongs to a session of this user, that session is resumed. */
  resumes?: string | undefined
  /** Milliseconds for which the session is held if its gateway crashes. */
  holdFor: number
  /**
   * How many sessions the user may have, this one included. Beyond that sessions end as `too-many-sessions`: first those that
   * have been detached for the longest time, then those that have been hidden for the longest time, then the oldest.
   */
  sessionsPerUser: number
}

export interface StartedSession extends SessionRecord {
  /** Whether a session was resumed. A stale key, or another user's, starts a new session and changes no other. */
  resumed: boolean
}

/** A position in an inbox. Offsets of different epochs don't compare. */
export interface Position {
  epoch: string
  /** 0 is before the first message. */
  offset: number
}

/** The state of an inbox. `offset` is the newest message's. */
export interface InboxState extends Position {
  readOffset: number
  /** The number of retained messages from others after `readOffset`. */
  unread: number
}

/** A message to send, with `body`, `data` or both. The caller has checked the sizes. */
export interface NewMessage {
  appId: string
  /** The idempotency key, made by the sender. It identifies the message among those of one sender to one recipient. */
  id: string
  /** A user id, or null for the app's backend. */
  from: string | null
  to: string
  body?: string | undefined
  data?: JsonObject | undefined
}

/** Which messages of each inbox an app retains. Those beyond any of the three limits are deleted, the oldest first. */
export interface Retention {
  /** The greatest number of messages. */
  messages: number
  /** About the greatest number of bytes that the messages take together. The newest message is retained whatever its size. */
  bytes: number
  /** The greatest age of a message, in milliseconds. */
  age: number
}

/** The app's rules for a message. */
export interface SendRules {
  /** Milliseconds for which the message's id makes a retry safe. */
  sendWindow: number
  /** Sets the app's retention, as `Engine.retain` does. */
  retention: Retention
  /** Whether a user who was never saved may receive messages. */
  unknownRecipients: boolean
  /**
   * A share of the recipient's retention, above 0 and at most 1. If a sender's unread messages take more, the sender's next message
   * is refused if it would push out another sender's unread message. Messages from the backend have no such limit.
   */
  unreadPerSender: number
  /** How many inboxes with messages the app may have, and about how many bytes of messages. */
  quota: { inboxes: number; bytes: number }
}

export type SendResult =
  | {
      outcome: 'stored' | 'repeated'
      /** The offset of the recipient's copy. */
      offset: number
      /**
       * The offset of the sender's copy. A message to oneself has one copy; one from the backend has no sender's copy:
       * null.
       */
      ownOffset: number | null
      sentAt: number
    }
  /**
   * `conflict`: the same id was sent with other content. `full`: the app's quota is used up. `refused`: the sender has more unread
   * messages in the inbox than `unreadPerSender` allows, and this one would push out another sender's unread message.
   */
  | { outcome: 'conflict' | 'unknown-user' | 'full' | 'refused' }

export interface MessagePage {
  /** In offset order. */
  messages: Message[]
  /** Whether messages between the given position and the first of `messages` are no longer retained. */
  lost: boolean
}

/** A session has ended. */
export interface SessionEnded {
  type: 'session-ended'
  session: SessionRef
  code: EndCode
}
/** Another connection has resumed the session that `connectionId` carried. */
export interface ConnectionReplaced {
  type: 'connection-replaced'
  session: SessionRef
  connectionId: string
}
/** The profile of an existing user has changed. */
export interface UserChanged {
  type: 'user-changed'
  user: UserRecord
}
/** A message in this user's inbox is durable. The events of an inbox come in offset order. */
export interface MessageStored {
  type: 'message'
  user: UserRef
  epoch: string
  message: Message
  /** `message` as JSON, if the engine has it at hand: then no gateway serializes it again for each session. */
  json?: string | undefined
}
/** The user's read mark has moved. */
export interface MessagesRead {
  type: 'read'
  user: UserRef
  inbox: InboxState
}
/** An event that an engine emits to every gateway which listens to it. */
export type EngineEvent = SessionEnded | ConnectionReplaced | UserChanged | MessageStored | MessagesRead

/**
 * Stores users, sessions and inboxes for gateways, and connects gateways that share it. Write an engine of your own by
 * implementing this interface, prove it with `chat-session/engine/suite`, and pass it to `createGateway`. Every method
 * is required. All reject with an `EngineError`.
 *
 * Users, and messages with their ids, are durable, which means synced: no read returns them before. Sessions and read marks are
 * written without a sync: they survive a crash of the process, but not a crash of the machine. A session is written when
 * `startSession` resolves. Other changes of sessions, and read marks, are written milliseconds later.
 */
export interface Engine {
  /**
   * Makes the engine ready. Rejects with `locked`, `unwritable` or `unavailable`. Does nothing if the engine is open.
   */
  open(): Promise<void>

  /** Writes pending changes and releases every resource. Closing twice is fine, and so is opening again. */
  close(): Promise<void>

  /** 32 random bytes, the same for every gateway on this engine for as long as its data lasts. */
  key(): Promise<Uint8Array>

  user(of: UserRef): Promise<UserRecord | null>

  /**
   * Creates the user or changes the profile. The result is durable. A save that changes nothing writes nothing. Emits
   * `user-changed`, unless the user is new, once the change is durable.
   */
  saveUser(of: UserRef, change: UserChange): Promise<SavedUser>

  /**
   * As `saveUser`, for a guest. Null, with nothing saved, if the guest is new and the app has `maxGuests` guests. A guest without
   * messages is deleted when the last session has ended, or if none starts within a minute.
   */
  saveGuest(of: UserRef, change: UserChange, maxGuests: number): Promise<SavedUser | null>

  /**
   * Starts a session, or resumes the session that `resumes` names. A resume emits `connection-replaced` if a connection
   * still carries the session. The key that it used stays valid until `confirmSession`. Emits `session-ended` for each
   * session that `sessionsPerUser` ends.
   */
  startSession(request: SessionRequest): Promise<StartedSession>

  /** The client sent a frame on this connection, so it has its new resume key: the previous key is no longer valid. */
  confirmSession(session: SessionRef, connectionId: string): Promise<void>

  /** The session's page was hidden or shown. Ignored if another connection carries the session. */
  setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void>

  /**
   * The connection is lost. The session is held for `holdFor` milliseconds, counted anew when the store is opened
   * again; then it ends. Ignored if another connection carries it.
   */
  detachSession(session: SessionRef, connectionId: string, holdFor: number): Promise<void>

  /** The user's sessions that have not ended, oldest first. */
  sessions(of: UserRef): Promise<SessionRecord[]>

  /**
   * Ends a session and emits `session-ended`; false if there is no such session. With `connectionId`, only if that
   * connection carries it.
   */
  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean>

  /**
   * Sets the app's retention, until this or a `send` sets it again or the engine is closed. The engine deletes expired
   * messages in the background: once an hour at least, more often where `age` is short.
   */
  retain(appId: string, retention: Retention): Promise<void>

  /**
   * Puts a message into the inboxes of its recipient and its sender. Both copies are durable when it resolves. The same
   * id with the same content again resolves with the first result as `repeated`, and stores nothing.
   */
  send(message: NewMessage, rules: SendRules): Promise<SendResult>

  /** The state of the user's inbox. An empty inbox has an epoch too. */
  inbox(of: UserRef): Promise<InboxState>

  /**
   * Up to `limit` messages after a position. If the position is of another epoch or ahead of the inbox, returns the messages from
   * the first on, with `lost` set.
   */
  messagesAfter(of: UserRef, position: Position, limit: number): Promise<MessagePage>

  /** The newest messages before an offset, or the newest of all if it is null. Null if the epoch is another. */
  messagesBefore(
    of: UserRef,
    before: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null>

  /**
   * Marks all messages up to `offset` as read, and emits `read` if the mark moves. It never moves back, nor beyond the
   * newest message. Null if the epoch is another.
   */
  markRead(of: UserRef, position: Position): Promise<InboxState | null>

  /** Calls `listener` with every event from now on, until `signal` aborts. May be called before `open`. */
  listen(listener: (event: EngineEvent) => void, signal: AbortSignal): void
}

/** The profile that others see: vouched fields win over claimed ones. */
export const mergeProfile = (user: Pick<UserRecord, 'vouched' | 'claimed'>): Profile => ({
  ...user.claimed,
  ...user.vouched,
})
