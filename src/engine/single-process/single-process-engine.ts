import type { EndCode, Message } from '../../protocol/index.js'
import type {
  Admission,
  AdmissionRefusal,
  Adoption,
  AdoptionRequest,
  AppOptions,
  AppUsage,
  Credential,
  DeliveryOutcome,
  Engine,
  EngineEvent,
  Exchange,
  InboxRange,
  InboxState,
  MessagePage,
  CheckedMessage,
  PeerMessages,
  PeerPage,
  PeerState,
  PendingEvent,
  PendingEventPage,
  PushDevice,
  PushOutcome,
  PushSubscriptionData,
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
  UnreadSenders,
  UserChange,
  UserPresence,
  UserRecord,
  UserRef,
  UserStatus,
} from '../engine.js'
import { EngineError } from '../errors.js'
import { createNodeName } from '../util/node-name.js'
import { Listeners } from '../listeners.js'
import { rows } from './store/rows.js'
import { put, read, type Volume } from './store/store.js'
import { Supervisor, type Opened } from './supervisor.js'

export interface EngineOptions {
  /**
   * Called with the errors of listeners, of background jobs, of failed writes, and of the recovery after a failed write. An error that a
   * background job or the recovery repeats is reported once. @default a warning of the process
   */
  onError?: ((error: unknown) => void) | undefined
}

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

/** An engine for one process, on an ordered store. */
export class SingleProcessEngine implements Engine {
  readonly #node = createNodeName()
  readonly #openVolume: (signal: AbortSignal) => Promise<Volume>
  readonly #onError: (error: unknown) => void
  readonly #listeners: Listeners
  #current: Supervisor | undefined
  #closing: Promise<void> = Promise.resolve()

  /**
   * `openVolume` is called when a closed engine is opened, and at each attempt of a recovery after a failed write. `signal` aborts when the
   * engine is closed.
   */
  constructor(openVolume: (signal: AbortSignal) => Promise<Volume>, { onError = warn }: EngineOptions = {}) {
    this.#openVolume = openVolume
    // The callback runs in a microtask of its own, so that an error in the callback does not interrupt a commit.
    this.#onError = (error) => queueMicrotask(() => onError(error))
    this.#listeners = new Listeners(this.#onError)
  }

  async open(): Promise<void> {
    const current = (this.#current ??= new Supervisor({
      openVolume: this.#openVolume,
      onError: this.#onError,
      emit: (event) => this.#listeners.emit(event),
      previous: this.#closing,
    }))
    try {
      await current.ready
    } catch (error) {
      if (this.#current === current) this.#current = undefined
      throw error
    }
  }

  close(): Promise<void> {
    if (this.#current) {
      this.#closing = this.#current.close()
      this.#current = undefined
    }
    return this.#closing
  }

  key(): Promise<Uint8Array> {
    return this.#use(({ database }) => new Uint8Array(database.key))
  }

  user(of: UserRef): Promise<UserRecord | null> {
    return this.#use(({ database }) => database.users.get(of))
  }

  async saveUser(of: UserRef, change: UserChange): Promise<SavedUser> {
    return this.#emitChange(await this.#use(({ database }) => database.users.save(of, change)))
  }

  async changeUser(of: UserRef, change: UserChange): Promise<SavedUser | null> {
    const refuse = (stored: UserRecord | null): null | undefined => (stored ? undefined : null)
    return this.#emitChange(await this.#use(({ database }) => database.users.save(of, change, { refuse })))
  }

  async admitUser(
    of: UserRef,
    change: UserChange,
    admission: Admission,
  ): Promise<SavedUser | AdmissionRefusal> {
    return this.#emitChange(
      await this.#use(({ service, database }) => service.admit(of, change, admission, database)),
    )
  }

  startSession(request: SessionRequest): Promise<StartedSession | null> {
    return this.#use(({ service, database }) => service.start(request, database))
  }

  confirmSession(session: SessionRef, connectionId: string): Promise<void> {
    return this.#use(({ sessions }) => sessions.confirm(session, connectionId))
  }

  isRevoked(of: UserRef, credential: Credential): Promise<boolean> {
    return this.#use(({ database }) => database.revocations.isRevoked(of, credential))
  }

  renewSession(session: SessionRef, connectionId: string, credential: Credential): Promise<boolean> {
    return this.#use(({ sessions, database }) => {
      if (database.revocations.isRevoked(session, credential)) return false
      sessions.renew(session, connectionId, credential)
      return true
    })
  }

  touchSession(session: SessionRef, connectionId: string, { rtt }: { rtt: number }): Promise<void> {
    return this.#use(({ sessions }) => sessions.touch(session, connectionId, rtt))
  }

  setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void> {
    return this.#use(({ sessions }) => sessions.setHidden(session, connectionId, hidden))
  }

  detachSession(session: SessionRef, connectionId: string, resumableFor: number): Promise<void> {
    return this.#use(({ sessions }) => sessions.detach(session, connectionId, resumableFor))
  }

  sessions(of: UserRef): Promise<SessionRecord[]> {
    return this.#use(({ sessions }) => sessions.of(of))
  }

  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean> {
    return this.#use(({ service }) => service.end(session, code, connectionId))
  }

  appSessions(appId: string, after: string | null, limit: number): Promise<SessionPage> {
    return this.#use(({ sessions }) => sessions.inApp(appId, after, limit))
  }

  revokeUser(of: UserRef, revocation: Revocation): Promise<number> {
    return this.#use(({ service, database }) => service.revokeUser(of, revocation, database))
  }

  revokeApp(appId: string, revocation: Revocation): Promise<number> {
    return this.#use((opened) => {
      const isOpen = (): boolean => this.#current?.opened === opened
      return opened.service.revokeApp(appId, revocation, opened.database, isOpen)
    })
  }

  revokeToken(appId: string, tokenId: string): Promise<void> {
    return this.#use(({ service, database }) => service.revokeToken(appId, tokenId, database))
  }

  liftRevocation(of: UserRef): Promise<boolean> {
    return this.#use(({ database: { pushes, revocations } }) => {
      // This call ends the devices whose credential is revoked. Without it a lifted revocation would bring them back.
      pushes.devices(of)
      return revocations.lift(of)
    })
  }

  status(of: UserRef): Promise<UserStatus> {
    return this.#use(({ sessions, service, database }) => ({
      online: sessions.isOnline(of),
      sessions: sessions.of(of).length,
      lastSeenAt: service.lastSeenAt(of),
      revokedBefore: database.revocations.revokedBefore(of),
      unread: database.inboxes.state(of).unread,
    }))
  }

  users(appId: string, after: string | null, limit: number): Promise<UserRecord[]> {
    return this.#use(({ database }) => database.users.after(appId, after, limit))
  }

  async deleteUser({ appId, userId }: UserRef): Promise<boolean> {
    const of = { appId, userId }
    // This is read first: if the user is a guest without messages, the end of the last session deletes the user.
    const wasThere = await this.#use(({ database }) => database.users.get(of) !== null)
    await this.revokeUser(of, { issuedBefore: null, mode: 'end' })
    return this.#use(async ({ sessions, service, database }) => {
      const { users, inboxes, commit } = database
      let hadInbox = false
      const hadUser = await users.delete(of, async (operations) => {
        service.forgetLastSeen(of, database)
        hadInbox = await inboxes.delete(of, (more) => commit.sync([...operations(), ...more]))
      })
      for (const session of sessions.of(of)) service.end(session, 'revoked')
      service.forgetLastSeen(of, database)
      return wasThere || hadUser || hadInbox
    })
  }

  adoptGuest(request: AdoptionRequest): Promise<Adoption | null> {
    return this.#use(({ service, database }) => service.adopt(request, database))
  }

  usage(appId: string): Promise<AppUsage> {
    return this.#use(({ sessions, database }) => ({
      ...database.usage.get(appId),
      sessions: sessions.count(appId),
    }))
  }

  check(): Promise<void> {
    return this.#use(async ({ database: { commit, volume } }) => {
      const now = Date.now()
      await commit.sync([put(rows.check, now)])
      if (typeof read(volume.store, rows.check) !== 'number')
        throw new EngineError(
          'unavailable',
          'The engine read another value than it wrote: look for a failing disk.',
        )
    })
  }

  configure(appId: string, { retention, webhooks }: AppOptions): Promise<void> {
    return this.#use(({ database }) => {
      database.inboxes.retain(appId, retention)
      database.webhooks.configure(appId, webhooks)
      database.inboxes.resume(appId)
    })
  }

  takeDueEvents(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]> {
    return this.#use(({ database }) => database.queue.takeDueEvents(appId, limit, leaseFor))
  }

  endDelivery(appId: string, userId: string, eventId: string, outcome: DeliveryOutcome): Promise<void> {
    return this.#use(({ database }) => database.queue.endDelivery(appId, userId, eventId, outcome))
  }

  pendingEvents(appId: string, after: string | null, limit: number): Promise<PendingEventPage> {
    return this.#use(({ database }) => database.queue.pendingEvents(appId, after, limit))
  }

  replayEvent(appId: string, userId: string, eventId: string): Promise<boolean> {
    return this.#use(({ database }) => database.queue.replayEvent(appId, userId, eventId))
  }

  pendingSummary(appId: string): Promise<{ pending: number; oldestAt: number | null }> {
    return this.#use(({ database }) => database.queue.pendingSummary(appId))
  }

  send(message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    return this.#use(({ database }) => database.inboxes.sends.send(message, rules))
  }

  inbox(of: UserRef): Promise<InboxState> {
    return this.#use(({ database }) => database.inboxes.state(of))
  }

  messagesAfter(of: UserRef, position: Position, limit: number): Promise<MessagePage> {
    return this.#use(({ database }) => database.inboxes.reader.after(of, position, limit))
  }

  messagesBefore(
    of: UserRef,
    before: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null> {
    return this.#use(({ database }) => database.inboxes.reader.before(of, before, limit))
  }

  markRead(of: UserRef, position: Position): Promise<InboxState | null> {
    return this.#use(({ database }) => database.inboxes.markRead(of, position))
  }

  exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]> {
    return this.#use(({ database }) => database.inboxes.peers.exchanges(of, peers))
  }

  signal({ appId, userId }: UserRef, signal: Signal): Promise<void> {
    // No other process can have sessions of the user, so the listeners of this engine are enough.
    return this.#use(() => this.#listeners.emit({ type: 'signal', user: { appId, userId }, signal }))
  }

  peers(of: UserRef, before: Position | null, limit: number): Promise<PeerPage | null> {
    return this.#use(({ database }) => database.inboxes.peers.page(of, before, limit))
  }

  messagesWith(
    of: UserRef,
    peer: string | null,
    range: InboxRange,
    limit: number,
  ): Promise<PeerMessages | null> {
    return this.#use(({ database }) => database.inboxes.peers.messages(of, peer, range, limit))
  }

  markPeerRead(
    of: UserRef,
    peer: string | null,
    position: Position,
  ): Promise<{ inbox: InboxState; peer: PeerState } | null> {
    return this.#use(({ database }) => database.inboxes.peers.markRead(of, peer, position))
  }

  watch(users: readonly UserRef[]): Promise<UserPresence[]> {
    return this.#use(({ service }) => users.map((of) => service.watch(of)))
  }

  unwatch(users: readonly UserRef[]): void {
    for (const of of users) this.#current?.opened?.service.unwatch(of)
  }

  savePushDevice(
    { appId, userId }: UserRef,
    subscription: PushSubscriptionData,
    credential: Credential,
  ): Promise<boolean> {
    const of = { appId, userId }
    return this.#use(({ database: { users, inboxes, pushes } }) => {
      const user = users.get(of)
      if (!user || !users.exists(of, user.createdAt)) return false
      return pushes.save(of, subscription, credential, inboxes.state(of).offset)
    })
  }

  endPushDevice(of: UserRef, id: string): Promise<boolean> {
    return this.#use(({ database }) => database.pushes.end(of, id))
  }

  pushDevices(of: UserRef): Promise<PushDevice[]> {
    return this.#use(({ database }) => database.pushes.devices(of))
  }

  unreadSenders(of: UserRef, after: number, limit: number): Promise<UnreadSenders> {
    return this.#use(({ database }) => database.inboxes.reader.unreadSenders(of, after, limit))
  }

  seenOnPage(of: UserRef, offset: number): Promise<void> {
    return this.#use(({ database: { inboxes, pushes } }) => pushes.seen(of, offset, inboxes.state(of).offset))
  }

  endPushes(
    { appId, userId }: UserRef,
    outcomes: readonly PushOutcome[],
    through: number,
    dueIn: number | null,
  ): Promise<void> {
    const of = { appId, userId }
    return this.#use(({ database: { inboxes, pushes } }) =>
      pushes.endPushes(of, outcomes, through, dueIn, inboxes.state(of).offset),
    )
  }

  listen(listener: (event: EngineEvent) => void, signal: AbortSignal): void {
    this.#listeners.add(listener, signal)
  }

  node(): string {
    return this.#node
  }

  /** Resolves with null, because no other engine has the data of this one. */
  askNode(): Promise<string | null> {
    return this.#use(() => null)
  }

  answerNodes(): void {
    // No other engine has these data, so none asks.
  }

  /** Emits the change of an existing user's profile. */
  #emitChange<Saved extends SavedUser | AdmissionRefusal | null>(saved: Saved): Saved {
    if (saved !== null && typeof saved === 'object' && saved.changed && !saved.created)
      this.#listeners.emit({ type: 'user-changed', user: saved.user })
    return saved
  }

  /** Runs `work` synchronously if the engine is open, so that calls take effect in their order. */
  #use<T>(work: (opened: Opened) => T | Promise<T>): Promise<T> {
    const opened = this.#current?.opened
    if (!opened) return this.#useWhenReady(work)
    // This is no async function, because an async function would pass on the promise of `work` three microtasks later.
    try {
      const result = work(opened)
      return result instanceof Promise ? result : Promise.resolve(result)
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #useWhenReady<T>(work: (opened: Opened) => T | Promise<T>): Promise<T> {
    if (!this.#current) throw new EngineError('unavailable', 'The engine is not open: call open() first.')
    return work(await this.#current.ready)
  }
}
