import type { EndCode, Message } from '../protocol/index.js'
import type { EngineEvent } from './events.js'
import type {
  Admission,
  AdmissionRefusal,
  Adoption,
  AdoptionRequest,
  AppOptions,
  AppUsage,
  Credential,
  Exchange,
  InboxRange,
  InboxState,
  MessagePage,
  CheckedMessage,
  PeerMessages,
  PeerPage,
  PeerState,
  Position,
  Revocation,
  SavedUser,
  SendResult,
  SendRules,
  SessionPage,
  SessionRecord,
  SessionRef,
  SessionRequest,
  Signal,
  StartedSession,
  UserChange,
  UserPresence,
  UserRecord,
  UserRef,
  UserStatus,
} from './records.js'
import type { EnginePush } from './push.js'
import type { WebhookQueue } from './webhook-events.js'

export * from './events.js'
export type * from './push.js'
export * from './records.js'
export * from './webhook-events.js'

/**
 * Stores users, sessions and inboxes for gateways, and connects gateways that share it. Write an engine of your own by implementing the
 * parts of this type, prove it with `chat-session/engine/suite`, and pass it to `createGateway`. Every method is required. All reject with
 * an `EngineError`.
 *
 * Users, messages with their ids, revocations and deletions are durable, which means synced, before a read returns them. Sessions and read
 * marks are written without a sync: they survive a crash of the process, but not a crash of the machine. A session is written when
 * `startSession` resolves. Other changes of sessions, and read marks, are written milliseconds later.
 */
export type Engine = EngineLifecycle &
  EngineUsers &
  EngineSessions &
  EngineRevocations &
  EngineInboxes &
  EnginePeers &
  EngineSignals &
  EnginePresence &
  EngineNodes &
  EnginePush &
  WebhookQueue

/** The calls that open, configure and close an engine, and its events. */
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

  /** 32 random bytes. Every gateway on this engine gets the same bytes for as long as the data exists. */
  key(): Promise<Uint8Array>

  /** Resolves if a synced write and a read succeed. */
  check(): Promise<void>

  /**
   * Sets the app's options, until another call replaces them or the engine is closed. A `send` sets the retention too. The engine deletes
   * expired messages in the background: at least once an hour, and more often if `age` is short.
   */
  configure(appId: string, options: AppOptions): Promise<void>

  /**
   * Calls `listener` with events from now on, until `signal` aborts. The listener receives `webhooks-due`, and the events of users for whom
   * a connection of this engine carries a session. An engine that no other process shares may emit the events of all users. May be called
   * before `open`.
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
   * As `saveUser`, for the user of a start. The step that saves the user also checks the admission: a start that was verified before the
   * user was deleted does not bring the user back. The engine deletes a guest without messages when the guest's last session has ended, or
   * if no session starts within 30 seconds.
   */
  admitUser(of: UserRef, change: UserChange, admission: Admission): Promise<SavedUser | AdmissionRefusal>

  /** As `saveUser`, for a user who exists. Resolves with null, and saves nothing, if there is no such user. */
  changeUser(of: UserRef, change: UserChange): Promise<SavedUser | null>

  /**
   * Up to `limit` users of the app whose ids come after `after`, in an order of ids that never changes. With null the list begins with the
   * first user.
   */
  users(appId: string, after: string | null, limit: number): Promise<UserRecord[]>

  status(of: UserRef): Promise<UserStatus>

  usage(appId: string): Promise<AppUsage>

  /**
   * Revokes the user's credentials, ends all of the user's sessions as `revoked`, and deletes the user, the inbox, and the ids that make
   * retries of the user's messages safe. The inbox has another epoch from then on. The revocation stays. The deletion is durable when the
   * call resolves, with false if there was no such user.
   */
  deleteUser(of: UserRef): Promise<boolean>

  /**
   * Makes what a guest received and sent the user's. Resolves with null, and changes nothing, if the user is a guest, if there is no such guest, if the proof is
   * revoked or of another guest, or if another user has adopted the guest. A repetition by the same user resolves with the first result.
   *
   * One durable step marks the guest, who is deleted by it. The guest's sessions end as `replaced`. From then on a message to the guest goes
   * to the user, for as long as the retention keeps messages and the user exists; then it is `unknown-user`. The guest's messages move in
   * further steps, which go on after a crash. Few messages have moved when the call resolves. The moved messages have new offsets, the
   * user's id in place of the guest's, and `adopted: true`. They push out no message of the user: of the guest's messages, the newest that
   * fit beside the user's move. Those that the guest had read are read. No quota refuses them, and no webhook event reports them but
   * `guest.adopted`.
   */
  adoptGuest(request: AdoptionRequest): Promise<Adoption | null>
}

/**
 * The sessions of users. Each has one connection at most. A call that names a connection changes nothing if another one carries the
 * session.
 */
export interface EngineSessions {
  /**
   * Starts a session, or resumes the session that `resumes` names. Resolves with null, and changes nothing, if the credential is revoked,
   * or if the user of `userCreatedAt` is deleted. The step that stores the session also checks both, so no revocation and no deletion falls
   * between the two. A resume emits
   * `connection-replaced` if a connection still carries the session. The resume key that the client sent stays valid until
   * `confirmSession`. Emits `session-ended` for each session that `sessionsPerUser` ends.
   */
  startSession(request: SessionRequest): Promise<StartedSession | null>

  /** Called when the client has sent a frame on this connection, and so has its new resume key. The previous key is no longer valid. */
  confirmSession(session: SessionRef, connectionId: string): Promise<void>

  /**
   * Gives the session another credential. Resolves with false, and changes nothing, if that credential is revoked. Resolves with true, and
   * changes nothing, if another connection carries the session.
   */
  renewSession(session: SessionRef, connectionId: string, credential: Credential): Promise<boolean>

  /**
   * Called when the client has answered a ping after `rtt` milliseconds, once a minute at most. Ignored if another connection carries the
   * session. An engine may gather calls before it stores them, so after a crash an earlier `rtt` may be stored. `lastSeenAt` must then not
   * be earlier than the last stored call, or the last time at which the engine is known to have been open.
   */
  touchSession(session: SessionRef, connectionId: string, seen: { rtt: number }): Promise<void>

  /** Called when the session's page was hidden or shown. Ignored if another connection carries the session. */
  setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void>

  /**
   * Called when the connection is lost: the session is detached from then on. It ends after `resumableFor` milliseconds, unless a client
   * resumes it. If the data were closed meanwhile, these milliseconds start again when they are opened. Ignored if another connection
   * carries the session.
   */
  detachSession(session: SessionRef, connectionId: string, resumableFor: number): Promise<void>

  /**
   * Ends a session and emits `session-ended`. Resolves with false if there is no such session. With `connectionId` it ends the session only
   * if that connection carries it.
   */
  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean>

  /** The user's sessions that have not ended, oldest first. */
  sessions(of: UserRef): Promise<SessionRecord[]>

  /** A page of the app's sessions, in an order that never changes. `after` is the `next` of the previous page; null for the first page. */
  appSessions(appId: string, after: string | null, limit: number): Promise<SessionPage>
}

/** The credentials that no longer start a session. */
export interface EngineRevocations {
  /** Resolves with whether `startSession` would refuse the credential. */
  isRevoked(of: UserRef, credential: Credential): Promise<boolean>

  /**
   * Revokes the user's credentials: a start or a renewal with one of them is refused from now on. Resolves once the revocation is durable
   * and the sessions have ended, or `reauth` was emitted for them. The result is the time up to which credentials are revoked, which never
   * decreases.
   */
  revokeUser(of: UserRef, revocation: Revocation): Promise<number>

  /** As `revokeUser`, for all users of the app, including those who come later. */
  revokeApp(appId: string, revocation: Revocation): Promise<number>

  /**
   * Revokes one token by its `jti`. Once that is durable, the sessions that the token started or renewed end as `revoked`. If there is such
   * a session, the engine keeps the revocation until the token has expired; otherwise for 400 days.
   */
  revokeToken(appId: string, tokenId: string): Promise<void>

  /**
   * Removes the user's own revocation. Those of the app and of tokens stay. The removal is durable when the call resolves, with false if
   * there was no revocation.
   */
  liftRevocation(of: UserRef): Promise<boolean>
}

/** The messages of users, and which of them are read. */
export interface EngineInboxes {
  /**
   * Puts a message into the inbox of its recipient, and the sender's own copy into the sender's inbox. Both are durable when the call
   * resolves, and so is a user whom the rules let it create. A second call with the same id and content stores nothing, and resolves with the first result as `repeated`.
   */
  send(message: CheckedMessage, rules: SendRules): Promise<SendResult>

  /** The state of the user's inbox. An empty inbox has an epoch too. */
  inbox(of: UserRef): Promise<InboxState>

  /**
   * Up to `limit` messages after a position. If the position is of another epoch or ahead of the inbox, returns the messages from
   * the first on, with `lost` set.
   */
  messagesAfter(of: UserRef, position: Position, limit: number): Promise<MessagePage>

  /**
   * The newest messages before an offset, or the newest of all if the offset is null. Resolves with null if the inbox has another epoch.
   */
  messagesBefore(
    of: UserRef,
    before: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null>

  /**
   * Marks all messages up to `offset` as read, and emits `read` if the mark moves. The mark never moves back, nor beyond the newest
   * message. Resolves with null if the inbox has another epoch.
   */
  markRead(of: UserRef, position: Position): Promise<InboxState | null>
}

/**
 * The peers of an inbox. The peer of a message is who it came from, or, of an own one, whom it went to; null is the app's backend. A peer
 * without kept messages is none. An engine without an index of them reads an inbox once, in steps, and keeps what it found for later calls,
 * which then read only the messages that came since.
 */
export interface EnginePeers {
  /** Says of each peer, in their order, whether the inbox keeps a message from that peer, and one to that peer. */
  exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]>

  /** The peers whose newest message is before a position; all if it is null. Resolves with null if the inbox has another epoch. */
  peers(of: UserRef, before: Position | null, limit: number): Promise<PeerPage | null>

  /**
   * Up to `limit` messages from and to a peer. Resolves with null if the inbox has another epoch. A page may have fewer messages than
   * `limit` though `next` says that there are more.
   */
  messagesWith(
    of: UserRef,
    peer: string | null,
    range: InboxRange,
    limit: number,
  ): Promise<PeerMessages | null>

  /**
   * Marks the peer's messages up to an offset as read, and emits `read` if the mark moves. The mark never moves back, nor beyond the newest
   * message of the inbox. It goes when retention has deleted all messages that the peer had when the mark was set. Somebody who is no peer
   * gets no mark. Resolves with null if the inbox has another epoch.
   */
  markPeerRead(
    of: UserRef,
    peer: string | null,
    position: Position,
  ): Promise<{ inbox: InboxState; peer: PeerState } | null>
}

/** Signals of users to each other's open pages. An engine stores none of them. */
export interface EngineSignals {
  /**
   * Emits `signal` where connections carry sessions of the user: at most once at each engine, and never to a session that starts later.
   * Resolves once the signal is on its way; a user without such sessions changes nothing. Signals to a user are emitted in the order of
   * their calls if each call was made after the one before had resolved.
   */
  signal(to: UserRef, signal: Signal): Promise<void>
}

/** Who is online, as `EngineUsers.status` says it. */
export interface EnginePresence {
  /**
   * Resolves with the presence of users, in their order. From then on the engine emits `presence` when one of them comes online or goes
   * offline, whichever gateway carries the sessions, until `unwatch` or the end of the engine. If an event of a user comes before the call
   * resolves, the event is the newer of the two. To watch a user twice is fine.
   */
  watch(users: readonly UserRef[]): Promise<UserPresence[]>

  /** Emits no more `presence` of these users. Does nothing for others. */
  unwatch(users: readonly UserRef[]): void
}

/** Questions of one gateway to another on the same data. A client's request may reach a gateway that does not have what the request names. */
export interface EngineNodes {
  /**
   * Returns the name of this engine among those that share its data: at most 64 letters, digits, `-` and `_`. It is random and stays the same for as
   * long as the object exists. Clients may see it.
   */
  node(): string

  /**
   * Asks another engine. Resolves with the text that its `answerNodes` returned, or with null if no open engine has this name, which a client
   * may have made up. Rejects with `unavailable` if there is no answer. The question may have been heard then, so one that changes something
   * must be safe to repeat.
   */
  askNode(node: string, question: string): Promise<string | null>

  /** Answers the questions of other engines by `answer`, until `signal` aborts. May be called before `open`, and once. */
  answerNodes(answer: (question: string) => Promise<string>, signal: AbortSignal): void
}
