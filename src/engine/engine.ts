import type { EndCode, JsonObject, Message, Profile } from '../protocol/index.js'

/** A user of an app. Ids have been checked by the caller (`isAppId`, `isUserId`). */
export interface UserRef {
  appId: string
  userId: string
}

export interface SessionRef extends UserRef {
  sessionId: string
}

/**
 * What is known of a user. What the app's backend vouched for is kept apart from what clients claimed, since it lies
 * on top of it whichever came last; `profileOf` puts the two together.
 */
export interface UserRecord extends UserRef {
  vouched: Profile
  claimed: Profile
  /** Unix time in milliseconds. */
  createdAt: number
}

/** Fields that are given replace those that are kept; what is not given stays. */
export interface UserChange {
  vouched?: Profile | undefined
  claimed?: Profile | undefined
}

export interface SavedUser {
  user: UserRecord
  created: boolean
  /** Whether anything differs from what was kept before. */
  changed: boolean
}

/** A session as its engine knows it. Times are Unix times in milliseconds. */
export interface SessionRecord extends SessionRef {
  guest: boolean
  startedAt: number
  lastSeenAt: number
  /** `active`: a connection carries it. `detached`: it is held for its client to come back. */
  state: 'active' | 'detached'
}

export interface SessionRequest extends UserRef {
  guest: boolean
  /** Names the connection that carries the session from now on; unique. */
  connectionId: string
  /** Hash of the resume key that the client is given now. Keys themselves are never kept. */
  keyHash: string
  /** Hash of the resume key that the client came with: the session it belongs to is carried on, if it is this user's. */
  resumes?: string | undefined
  /** Milliseconds that the session is held if the process that carries it dies. */
  holdFor: number
  /**
   * Sessions the user may have, this one included: beyond them the oldest detached ends as `replaced`, then the oldest
   * active.
   */
  sessionsPerUser: number
}

export interface StartedSession extends SessionRecord {
  /** Whether a session was carried on. A key that is stale, or another user's, starts a new one and disturbs nobody. */
  resumed: boolean
}

/** A position in an inbox. Offsets of different epochs don't compare. */
export interface Position {
  epoch: string
  /** 0 is before the first message. */
  offset: number
}

/** Where an inbox stands: `offset` is the newest message's. */
export interface InboxState extends Position {
  readOffset: number
  /** Messages from others after `readOffset` that are still kept. */
  unread: number
}

/** A message to be sent. At least one of `body` and `data` is there; sizes have been checked by the caller. */
export interface NewMessage {
  appId: string
  /** Made by the sender: the same id from the same sender to the same recipient is the same message. */
  id: string
  /** A user id, or null for the app's backend. */
  from: string | null
  to: string
  body?: string | undefined
  data?: JsonObject | undefined
}

/** What an app keeps of each inbox: the newest so many messages, and none that is older than so many milliseconds. */
export interface Retention {
  messages: number
  age: number
}

/** The app's rules for what is kept. Times are in milliseconds. */
export interface SendRules {
  /** How long an id makes a retry safe. */
  sendWindow: number
  /** As with `retain`. */
  retention: Retention
  /** May it go to somebody who never came? */
  unknownRecipients: boolean
  /** What an app may take up in all. */
  quota: { inboxes: number; bytes: number }
}

export type SendResult =
  | {
      outcome: 'stored' | 'repeated'
      /** Offset of the recipient's copy. */
      offset: number
      /** Offset of the sender's own copy: the recipient's for a message to oneself, null for the backend's. */
      ownOffset: number | null
      sentAt: number
    }
  /** `conflict`: the same id with other content. `full`: the app's quota is used up. */
  | { outcome: 'conflict' | 'unknown-user' | 'full' }

/** Messages in offset order; `lost`: some between the asked position and the first of them are no longer kept. */
export interface MessagePage {
  messages: Message[]
  lost: boolean
}

/** What an engine tells every gateway that listens to it. */
export interface SessionEnded {
  type: 'session-ended'
  session: SessionRef
  code: EndCode
}
/** Another connection carries the session now: the one that is named has nothing to do with it any more. */
export interface ConnectionReplaced {
  type: 'connection-replaced'
  session: SessionRef
  connectionId: string
}
/** The profile of a user who was known before is another now. */
export interface UserChanged {
  type: 'user-changed'
  user: UserRecord
}
/** A durable message is in this user's inbox. A user's messages are told in offset order. */
export interface MessageStored {
  type: 'message'
  user: UserRef
  epoch: string
  message: Message
}
/** The user's read mark moved. */
export interface MessagesRead {
  type: 'read'
  user: UserRef
  inbox: InboxState
}
export type EngineEvent = SessionEnded | ConnectionReplaced | UserChanged | MessageStored | MessagesRead

/**
 * Where gateways keep users, sessions and inboxes, and how they reach each other. Every method is required: what an
 * engine doesn't have, it answers with a value that says so. All reject with `EngineError`.
 *
 * Durable means synced: users, messages with their ids, deletions. Sessions and read marks are written without a sync:
 * they survive the death of the process, not that of the machine. What `startSession` resolves with is written by then;
 * other changes of sessions, and read marks, are a few milliseconds later. Nothing can be read before it is durable.
 */
export interface Engine {
  /** Makes the engine ready. Rejects with `locked`, `unwritable` or `unavailable`. */
  open(): Promise<void>

  /** Writes what is waiting and lets everything go; closing twice is fine. */
  close(): Promise<void>

  /** 32 random bytes, the same for every gateway on this engine and for as long as it keeps anything. */
  key(): Promise<Uint8Array>

  user(of: UserRef): Promise<UserRecord | null>

  /**
   * Creates the user or changes the profile. Durable once it resolves; what changes nothing writes nothing. Listeners
   * hear of a change once it is durable.
   */
  saveUser(of: UserRef, change: UserChange): Promise<SavedUser>

  /**
   * Starts a session, or carries on the one that `resumes` names: then the connection that carried it is told as
   * replaced, if it still stands, and the key that was used stays good until `confirmSession`. Listeners hear of the
   * sessions that had to make room.
   */
  startSession(request: SessionRequest): Promise<StartedSession>

  /** The client was heard on this connection, so it has its new key: the one it came with is void. */
  confirmSession(session: SessionRef, connectionId: string): Promise<void>

  /**
   * The connection is lost: the session is held for so many milliseconds, or from when the store is opened again, then it
   * ends. Ignored if another carries it.
   */
  detachSession(session: SessionRef, connectionId: string, holdFor: number): Promise<void>

  /** The user's sessions that have not ended, oldest first. */
  sessions(of: UserRef): Promise<SessionRecord[]>

  /**
   * Ends a session and tells every listener; false when there is no such session. With `connectionId`, only if that
   * connection still carries it.
   */
  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean>

  /**
   * Says what the app keeps from now on, until this or a `send` says otherwise or the engine is closed. The engine looks for
   * what is too old by itself, a little at a time: once an hour at least, more often where `age` is short.
   */
  retain(appId: string, retention: Retention): Promise<void>

  /** Puts a message into the inboxes of its recipient and its sender. Durable, both copies, once it resolves. */
  send(draft: NewMessage, rules: SendRules): Promise<SendResult>

  /** Where the user's inbox stands; one that holds nothing yet has an epoch already. */
  inbox(of: UserRef): Promise<InboxState>

  /** Up to `limit` messages after a position. A position of another epoch, or ahead of the inbox, is before everything. */
  messagesAfter(of: UserRef, position: Position, limit: number): Promise<MessagePage>

  /** The newest messages before an offset, or the newest of all; null when the epoch is another. */
  messagesBefore(
    of: UserRef,
    before: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null>

  /** All up to `offset` is read; it never goes back, nor beyond the newest. Null when the epoch is another. */
  markRead(of: UserRef, position: Position): Promise<InboxState | null>

  /** Calls `listener` with every signal from now on, until `signal` aborts. */
  listen(listener: (told: EngineEvent) => void, signal: AbortSignal): void
}

/** The profile others see: what was vouched for over what was claimed. */
export const mergeProfile = (user: Pick<UserRecord, 'vouched' | 'claimed'>): Profile => ({
  ...user.claimed,
  ...user.vouched,
})
