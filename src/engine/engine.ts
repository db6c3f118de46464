import type { EndCode, Message } from '../protocol/index.js'
import type { EngineEvent } from './events.js'
import type {
  AppOptions,
  AppUsage,
  Credential,
  InboxState,
  MessagePage,
  CheckedMessage,
  Position,
  Revocation,
  SavedUser,
  SendResult,
  SendRules,
  SessionPage,
  SessionRecord,
  SessionRef,
  SessionRequest,
  StartedSession,
  UserChange,
  UserRecord,
  UserRef,
  UserStatus,
} from './records.js'
import type { WebhookQueue } from './webhook-events.js'

export * from './events.js'
export * from './records.js'
export * from './webhook-events.js'

/**
 * Stores users, sessions and inboxes for gateways, and connects gateways that share it. Write an engine of your own by
 * implementing the parts of this type, prove it with `chat-session/engine/suite`, and pass it to `createGateway`. Every method
 * is required. All reject with an `EngineError`.
 *
 * Users, messages with their ids, revocations and deletions are durable, which means synced: no read returns them before. Sessions
 * and read marks are written without a sync: they survive a crash of the process, but not a crash of the machine. A session is written when
 * `startSession` resolves. Other changes of sessions, and read marks, are written milliseconds later.
 */
export type Engine = EngineLifecycle &
  EngineUsers &
  EngineSessions &
  EngineRevocations &
  EngineInboxes &
  WebhookQueue

/** An engine from its opening to its closing, its options and its events. */
export interface EngineLifecycle {
  /**
   * Makes the engine ready. Rejects with `locked`, `unwritable` or `unavailable`. Does nothing if the engine is open.
   */
  open(): Promise<void>

  /**
   * Writes pending changes, detaches the sessions of this engine's connections, and releases every resource. Closing twice is fine, and so is
   * opening again.
   */
  close(): Promise<void>

  /** 32 random bytes, the same for every gateway on this engine for as long as its data lasts. */
  key(): Promise<Uint8Array>

  /** Resolves if a synced write and a read succeed. */
  check(): Promise<void>

  /**
   * Sets the app's options, until this sets them again or the engine is closed. A `send` sets the retention too. The engine
   * deletes expired messages in the background: once an hour at least, more often where `age` is short.
   */
  configure(appId: string, options: AppOptions): Promise<void>

  /**
   * Calls `listener` with events from now on, until `signal` aborts: with those of users for whom a connection that came to this engine
   * carries a session, and with `webhooks-due`. Engines of one process emit those of all users. May be called before `open`.
   */
  listen(listener: (event: EngineEvent) => void, signal: AbortSignal): void
}

/** The users of an app, with their profiles. */
export interface EngineUsers {
  user(of: UserRef): Promise<UserRecord | null>

  /**
   * Creates the user or changes the profile. The result is durable. A save that changes nothing writes nothing. Emits
   * `user-changed`, unless the user is new, once the change is durable.
   */
  saveUser(of: UserRef, change: UserChange): Promise<SavedUser>

  /**
   * As `saveUser`, for a guest. Null, with nothing saved, if the guest is new and the app has `maxGuests` guests. A guest without
   * messages is deleted when the last session has ended, or if none starts within 30 seconds.
   */
  saveGuest(of: UserRef, change: UserChange, maxGuests: number): Promise<SavedUser | null>

  /** Up to `limit` users of the app whose ids come after `after`, in an order of ids that never changes. Null: from the first. */
  users(appId: string, after: string | null, limit: number): Promise<UserRecord[]>

  status(of: UserRef): Promise<UserStatus>

  usage(appId: string): Promise<AppUsage>

  /**
   * Revokes the user's credentials, ends all of the user's sessions as `revoked`, and deletes the user, the inbox, and the
   * ids that make retries of the user's messages safe. The inbox has another epoch then, and the revocation stays. Durable
   * when it resolves; false if there was no such user.
   */
  deleteUser(of: UserRef): Promise<boolean>
}

/** The sessions of users. Each has one connection at most, and a session that another connection carries is not changed. */
export interface EngineSessions {
  /**
   * Starts a session, or resumes the session that `resumes` names. Null, with nothing changed, if the credential is revoked: it
   * is compared in the step that stores the session. A resume emits `connection-replaced` if a connection
   * still carries the session. The key that it used stays valid until `confirmSession`. Emits `session-ended` for each
   * session that `sessionsPerUser` ends.
   */
  startSession(request: SessionRequest): Promise<StartedSession | null>

  /** The client sent a frame on this connection, so it has its new resume key: the previous key is no longer valid. */
  confirmSession(session: SessionRef, connectionId: string): Promise<void>

  /**
   * The session has another credential from now on. False, with nothing changed, if that one is revoked. True, with nothing
   * changed, if another connection carries the session.
   */
  renewSession(session: SessionRef, connectionId: string, credential: Credential): Promise<boolean>

  /**
   * The client has answered a ping after `rtt` milliseconds. Ignored if another connection carries the session. Call it once a minute at
   * most. An engine may gather calls: after a crash an earlier `rtt` may be stored. `lastSeenAt` must then not be earlier than the last stored
   * call, or the last time at which the engine is known to have been open.
   */
  touchSession(session: SessionRef, connectionId: string, seen: { rtt: number }): Promise<void>

  /** The session's page was hidden or shown. Ignored if another connection carries the session. */
  setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void>

  /**
   * The connection is lost: the session is detached. It ends after `resumableFor` milliseconds, unless a client resumes it. If the store of
   * one process is opened again, this time starts again. Ignored if another connection carries the session.
   */
  detachSession(session: SessionRef, connectionId: string, resumableFor: number): Promise<void>

  /**
   * Ends a session and emits `session-ended`; false if there is no such session. With `connectionId`, only if that
   * connection carries it.
   */
  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean>

  /** The user's sessions that have not ended, oldest first. */
  sessions(of: UserRef): Promise<SessionRecord[]>

  /** A page of the app's sessions, in an order that never changes. `after` is the `next` of the page before, null for the first page. */
  appSessions(appId: string, after: string | null, limit: number): Promise<SessionPage>
}

/** The credentials that no longer start a session. */
export interface EngineRevocations {
  /** Resolves with whether `startSession` would refuse the credential. */
  isRevoked(of: UserRef, credential: Credential): Promise<boolean>

  /**
   * Revokes the user's credentials: a start or a renewal with one is refused from now on. Resolves with the time up to which
   * they are revoked, which never decreases, once that is durable and the sessions are ended or `reauth` is emitted for them.
   */
  revokeUser(of: UserRef, revocation: Revocation): Promise<number>

  /** As `revokeUser`, for all users of the app, also those who come later. */
  revokeApp(appId: string, revocation: Revocation): Promise<number>

  /**
   * Revokes one token by its `jti`. Once that is durable, the sessions that it started or renewed end as `revoked`. The
   * revocation is kept until the token has expired if it has such a session, else for 400 days.
   */
  revokeToken(appId: string, tokenId: string): Promise<void>

  /**
   * Removes the user's own revocation. Those of the app and of tokens stay. Durable when it resolves; false if there was
   * none.
   */
  liftRevocation(of: UserRef): Promise<boolean>
}

/** The messages of users, and which of them are read. */
export interface EngineInboxes {
  /**
   * Puts a message into the inbox of its recipient, and the sender's own copy into the sender's inbox. Both are durable when it resolves. The
   * same id with the same content again resolves with the first result as `repeated`, and stores nothing.
   */
  send(message: CheckedMessage, rules: SendRules): Promise<SendResult>

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
}
