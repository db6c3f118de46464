import type { EndCode } from '../protocol/index.js'
import type { EngineEvent } from './events.js'
import type {
  CheckedMessage,
  Exchange,
  InboxPage,
  InboxRange,
  InboxState,
  MessagePage,
  PeerMessages,
  PeerPage,
  PeerState,
  Position,
  SendResult,
  SendRules,
  Signal,
} from './inbox-records.js'
import type {
  Admission,
  AdmissionRefusal,
  Adoption,
  AdoptionRequest,
  AppOptions,
  AppUsage,
  Credential,
  Revocation,
  SavedUser,
  SessionPage,
  SessionRecord,
  SessionRef,
  SessionRequest,
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
export type * from './inbox-records.js'
export * from './records.js'
export * from './webhook-events.js'

/**
 * Stores users, sessions and inboxes for gateways, and connects gateways that share its data. An engine of your own implements every method
 * of this type. Test it with `chat-session/engine/suite`, and pass it to `createGateway`. If a call fails, it rejects with an
 * `EngineError`.
 *
 * Users, messages with their ids, revocations and deletions are durable before a read shows them. In an engine that writes files, durable
 * means synced. Sessions and read marks need no sync: they survive a crash of the process, and a crash of the machine may lose them. A
 * session is written when `startSession` resolves. Other changes of sessions, and read marks, may be written milliseconds later.
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
   * Makes the engine ready. Rejects with the code `locked`, `unwritable` or `unavailable`. Does nothing if the engine is open.
   */
  open(): Promise<void>

  /**
   * Writes pending changes, detaches the sessions of this engine's connections, and releases every resource. A second call does nothing.
   * The engine can be opened again.
   */
  close(): Promise<void>

  /** Resolves with 32 random bytes. Every gateway on the same data gets the same bytes, for as long as the data exist. */
  key(): Promise<Uint8Array>

  /** Resolves if a durable write and a read succeed. */
  check(): Promise<void>

  /**
   * Sets the app's options, until another call replaces them. An engine may forget the options when it is closed. Each `send` also sets the
   * retention. The engine deletes expired messages in the background: at least once an hour, and more often if `age` is short.
   */
  configure(appId: string, options: AppOptions): Promise<void>

  /**
   * Calls `listener` with events from now on, until `signal` aborts. The listener receives the events of users for whom a connection of
   * this engine carries a session. The engine that watches a user emits `presence`. The comments on `WebhooksDue`, `WebhookDropped` and
   * `PushDue` say which engine emits those events. An engine that no other process shares may emit the events of all users. May be called
   * before `open`.
   */
  listen(listener: (event: EngineEvent) => void, signal: AbortSignal): void
}

/** The users of an app, with their profiles. */
export interface EngineUsers {
  user(of: UserRef): Promise<UserRecord | null>

  /**
   * Creates the user or changes the profile. The resulting profile is durable when the call resolves. A save that changes nothing writes
   * nothing. If the profile of an existing user changes, emits `user-changed` when the new profile is durable.
   */
  saveUser(of: UserRef, change: UserChange): Promise<SavedUser>

  /**
   * As `saveUser`, for a user who starts a session. The check of `admission` and the save are atomic. So a start that was verified before
   * the user was deleted does not bring the user back. If there is nothing to save, `startSession` may be the first to find that the token
   * is revoked by its id. The engine deletes a guest without messages when the guest's last session has ended, or if the guest starts no
   * session within 30 seconds.
   */
  admitUser(of: UserRef, change: UserChange, admission: Admission): Promise<SavedUser | AdmissionRefusal>

  /** As `saveUser`, for a user who exists. Resolves with null, and saves nothing, if there is no such user. */
  changeUser(of: UserRef, change: UserChange): Promise<SavedUser | null>

  /**
   * Resolves with up to `limit` users of the app whose ids come after `after`, in an order of ids that never changes. With null the list
   * begins with the first user.
   */
  users(appId: string, after: string | null, limit: number): Promise<UserRecord[]>

  status(of: UserRef): Promise<UserStatus>

  usage(appId: string): Promise<AppUsage>

  /**
   * Revokes the user's credentials, and ends all of the user's sessions as `revoked`. Also deletes the user, the inbox, and the stored ids
   * of the user's messages (see `SendRules.sendWindow`). From then on the inbox has another epoch (see `Position`), whose offsets begin
   * with 1. The revocation stays. When the deletion is durable, the call resolves with whether there was such a user.
   */
  deleteUser(of: UserRef): Promise<boolean>

  /**
   * Gives to the user the messages that a guest received and sent. Resolves with null, and changes nothing, if the user of the request is a
   * guest, if there is no such guest, if the request's `proof` is revoked or belongs to another guest, or if another user has adopted the
   * guest. A second call for the same user and guest resolves with the first result.
   *
   * One durable write marks the guest as adopted and deletes the guest's record. The guest's sessions end as `replaced`. From then on
   * messages to the guest go to the user, until the `age` of the retention has passed or the user is deleted. After that, the result of a
   * message to the guest is `unknown-user`. Further writes move the guest's messages. When the call resolves, perhaps not all of them have
   * moved. A crash only delays the rest. The moved messages have new offsets, the user's id in place of the guest's, and `adopted: true`.
   * The engine deletes no message of the user to make room for them. If there is no room for all of the guest's messages, only the newest
   * ones move. Messages that the guest had read count as read. No quota refuses moved messages. They cause no `message.created`, only
   * `guest.adopted`, and `message.unread` if they stay unread.
   */
  adoptGuest(request: AdoptionRequest): Promise<Adoption | null>
}

/**
 * The sessions of users. Each session has at most one connection. `startSession` gives the session to a connection. Every other call that
 * names a connection changes nothing if another connection carries the session.
 */
export interface EngineSessions {
  /**
   * Starts a session, or resumes the session that `resumes` names. Resolves with null, and changes nothing, if the credential is revoked,
   * or if the user who was created at `userCreatedAt` is deleted. These checks and the write of the session are atomic: no revocation and
   * no deletion can come between them. A resume emits `connection-replaced` if a connection still carries the session. Until
   * `confirmSession` is called, two older resume keys of a resumed session stay valid: the key that the client sent, and the newest key
   * from before the resume. Emits `session-ended` for each session that `sessionsPerUser` ends.
   */
  startSession(request: SessionRequest): Promise<StartedSession | null>

  /**
   * Called when the client has sent a frame on this connection. The frame shows that the client has its new resume key. From then on the
   * older keys are not valid.
   */
  confirmSession(session: SessionRef, connectionId: string): Promise<void>

  /**
   * Gives the session another credential. Resolves with false, and changes nothing, if that credential is revoked. Resolves with true, and
   * changes nothing, if another connection carries the session.
   */
  renewSession(session: SessionRef, connectionId: string, credential: Credential): Promise<boolean>

  /**
   * Called when the client has answered a ping after `rtt` milliseconds, but for each connection at most once a minute. An engine may keep
   * `rtt` and the time of the call in memory only. If a connection carried the session when the engine crashed, `lastSeenAt` must
   * afterwards be no earlier than the last time at which the engine is known to have been open.
   */
  touchSession(session: SessionRef, connectionId: string, seen: { rtt: number }): Promise<void>

  /** Called when the session's page was hidden or shown. */
  setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void>

  /**
   * Called when the connection is lost. From then on the session is detached. It ends after `resumableFor` milliseconds, unless a client
   * resumes it. If no engine has the data open meanwhile, an engine may count these milliseconds from the next opening.
   */
  detachSession(session: SessionRef, connectionId: string, resumableFor: number): Promise<void>

  /**
   * Ends a session and emits `session-ended`. Resolves with false if there is no such session. With `connectionId` it ends the session only
   * if that connection carries it.
   */
  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean>

  /** Resolves with the user's sessions that have not ended, the oldest first. */
  sessions(of: UserRef): Promise<SessionRecord[]>

  /**
   * Resolves with a page of the app's sessions, in an order that never changes. `after` is the `next` of the previous page; null for the
   * first page.
   */
  appSessions(appId: string, after: string | null, limit: number): Promise<SessionPage>
}

/** Revocations of credentials. A revoked credential starts no session. */
export interface EngineRevocations {
  /** Resolves with whether `startSession` would refuse the credential. */
  isRevoked(of: UserRef, credential: Credential): Promise<boolean>

  /**
   * Revokes the user's credentials. From then on `startSession` and `renewSession` refuse revoked credentials. Resolves when the revocation
   * is durable, and when the sessions have ended or `reauth` was emitted for them. Credentials that were issued up to the returned time are
   * revoked. This time never decreases.
   */
  revokeUser(of: UserRef, revocation: Revocation): Promise<number>

  /** As `revokeUser`, for all users of the app, including those who come later. */
  revokeApp(appId: string, revocation: Revocation): Promise<number>

  /**
   * Revokes one token by its `jti`. When the revocation is durable, the sessions whose latest credential is this token end as `revoked`. If
   * there is such a session, the engine keeps the revocation at least until the token has expired. If there is none, the engine keeps the
   * revocation for 400 days.
   */
  revokeToken(appId: string, tokenId: string): Promise<void>

  /**
   * Removes the user's own revocation. Revocations of the app and of single tokens stay. When the removal is durable, the call resolves
   * with whether there was a revocation.
   */
  liftRevocation(of: UserRef): Promise<boolean>
}

/** The messages of users, and which of them are read. */
export interface EngineInboxes {
  /**
   * Puts a message into the inbox of its recipient. If the sender is another user, also puts the own copy into the inbox of the sender.
   * When the call resolves, both are durable, and so is a user whom the message has created. Within `sendWindow` a second call with the
   * same sender, recipient, id and content stores nothing, and resolves with the first result as `repeated`.
   */
  send(message: CheckedMessage, rules: SendRules): Promise<SendResult>

  /**
   * Resolves with the result that `send` has for a message whose id is stored: `repeated` or `conflict`. Resolves with null if the id is not
   * stored. Stores nothing, and counts no message.
   */
  findSent(message: CheckedMessage, rules: SendRules): Promise<SendResult | null>

  /** Resolves with the state of the user's inbox. An empty inbox has an epoch, too. */
  inbox(of: UserRef): Promise<InboxState>

  /**
   * Resolves with up to `limit` messages after a position. If the position has another epoch or an offset beyond the newest, the page
   * begins with the oldest message, and `lost` is true. If the position has no epoch, its offset counts in the epoch that the inbox has.
   */
  messagesAfter(
    of: UserRef,
    position: { epoch?: string | undefined; offset: number },
    limit: number,
  ): Promise<MessagePage>

  /**
   * Resolves with up to `limit` messages: the newest ones before an offset. If `before` is null, they are the newest messages of the inbox.
   */
  messagesBefore(of: UserRef, before: number | null, limit: number): Promise<InboxPage>

  /**
   * Marks all messages up to `offset` as read, and emits `read` if the mark moves. The mark never moves back, nor beyond the newest
   * message. Resolves with null if the inbox has another epoch.
   */
  markRead(of: UserRef, position: Position): Promise<InboxState | null>
}

/**
 * The peers of an inbox. The peer of a received message is its sender; the peer of a sent message is its recipient; null is the app's
 * backend. The inbox keeps at least one message from or to each of its peers. When one of these methods is first called for an inbox, an
 * engine may read the whole inbox, page by page, to make an index of peers. Later calls then read only newer messages.
 */
export interface EnginePeers {
  /** Resolves with an `Exchange` for each peer, in the given order. */
  exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]>

  /**
   * Resolves with up to `limit` peers, the peer with the newest message first. If `before` is null, the page is the first one. Otherwise it
   * has only peers whose newest message is before that offset.
   */
  peers(of: UserRef, before: number | null, limit: number): Promise<PeerPage>

  /**
   * Resolves with up to `limit` messages from and to a peer. A page may have fewer messages than `limit` though `next` says that there are
   * more.
   */
  messagesWith(of: UserRef, peer: string | null, range: InboxRange, limit: number): Promise<PeerMessages>

  /**
   * Marks the peer's messages up to an offset as read, and emits `read` if the mark moves. The mark never moves back, nor beyond the newest
   * message of the inbox. When retention has deleted all messages with the peer that were stored before the mark was set, the engine
   * deletes the mark. A user who is no peer gets no mark. Resolves with null if the inbox has another epoch.
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
   * Emits `signal`, at most once, at each engine with a connection that carries a session of the user. A session that starts later does not
   * get the signal. Resolves when the signal is on its way, even if the user has no such session. If a caller awaits each call before the
   * next one, the signals to a user are emitted in the order of the calls.
   */
  signal(to: UserRef, signal: Signal): Promise<void>
}

/** Presence: which users are online, as in `EngineUsers.status`. */
export interface EnginePresence {
  /**
   * Resolves with the presence of users, in their order. From then on the engine emits `presence` when one of them comes online or goes
   * offline, whichever gateway carries the sessions, until `unwatch` is called or the engine is closed. An event that comes before the call
   * resolves is newer than the result. Watching a user a second time changes nothing.
   */
  watch(users: readonly UserRef[]): Promise<UserPresence[]>

  /** Stops the `presence` events of these users. Does nothing for users who are not watched. */
  unwatch(users: readonly UserRef[]): void
}

/**
 * Questions of one gateway to another on the same data. A gateway asks when a client posts frames to it, but the client's HTTP stream is at
 * another gateway.
 */
export interface EngineNodes {
  /**
   * Returns the name of this engine, by which engines on the same data ask each other: at most 64 letters, digits, `-` and `_`. The name is
   * random, and stays the same for as long as the object exists. Clients may see it.
   */
  node(): string

  /**
   * Asks the engine with the name `node`. Resolves with the answer of that engine's `answerNodes`. Resolves with null if no open engine has
   * the name, which a client has perhaps made up. Rejects with `unavailable` if there is no answer. The question has perhaps arrived even
   * then, so a question that changes something must be safe to repeat.
   */
  askNode(node: string, question: string): Promise<string | null>

  /** Answers the questions of other engines with `answer`, until `signal` aborts. May be called before `open`, but only once. */
  answerNodes(answer: (question: string) => Promise<string>, signal: AbortSignal): void
}
