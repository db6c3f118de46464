import type { EndCode, Message } from '../../protocol/index.js'
import type {
  AppOptions,
  AppUsage,
  Credential,
  Engine,
  EngineEvent,
  InboxState,
  MessagePage,
  NewMessage,
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
} from '../engine.js'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EngineError } from '../errors.js'
import { Listeners } from '../listeners.js'
import { rows } from './rows.js'
import { del, put, read, type Volume } from './store.js'
import type { Sessions } from './sessions.js'
import { Supervisor, type Opened } from './supervisor.js'

export interface EngineOptions {
  /**
   * Called with errors that reject no call: of a listener that threw, of a background job, of a failed write, and of a
   * recovery from one. An error that repeats is reported once. @default a warning of the process
   */
  onError?: ((error: unknown) => void) | undefined
}

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

/** How many of an app's sessions a revocation ends before other work gets its turn. */
const ENDED_PER_STEP = 32

const refOf = ({ appId, userId, sessionId }: SessionRef): SessionRef => ({ appId, userId, sessionId })

/** An engine for one process, on an ordered store. */
export class LocalEngine implements Engine {
  readonly #openVolume: (signal: AbortSignal) => Promise<Volume>
  readonly #onError: (error: unknown) => void
  readonly #listeners: Listeners
  #current: Supervisor | undefined
  #closing: Promise<void> = Promise.resolve()

  /** Each `open` calls `openVolume`. The signal aborts if the engine is closed meanwhile. */
  constructor(openVolume: (signal: AbortSignal) => Promise<Volume>, { onError = warn }: EngineOptions = {}) {
    this.#openVolume = openVolume
    // In a microtask of its own: an error that the callback throws must not interrupt a commit.
    this.#onError = (error) => queueMicrotask(() => onError(error))
    this.#listeners = new Listeners(this.#onError)
  }

  async open(): Promise<void> {
    const current = (this.#current ??= new Supervisor({
      openVolume: this.#openVolume,
      onError: this.#onError,
      emit: (event) => this.#listeners.emit(event),
      onExpired: (session) => this.#emitEnded(session, 'ended'),
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
    const saved = await this.#use(({ database }) => database.users.save(of, change))
    if (saved.changed && !saved.created) this.#listeners.emit({ type: 'user-changed', user: saved.user })
    return saved
  }

  async saveGuest(of: UserRef, change: UserChange, maxGuests: number): Promise<SavedUser | null> {
    const saved = await this.#use(async ({ database: { users, guests } }) => {
      guests.expectStart(of)
      return users.saveGuest(of, change, maxGuests)
    })
    if (saved?.changed && !saved.created) this.#listeners.emit({ type: 'user-changed', user: saved.user })
    return saved
  }

  startSession(request: SessionRequest): Promise<StartedSession | null> {
    return this.#use(async ({ sessions, database }) => {
      if (database.revocations.isRevoked(request, request.credential)) return null
      const { session, replaced, replacedConnectionId } = sessions.start(request)
      if (request.guest) database.guests.started(request)
      for (const old of replaced) this.#emitEnded(old, 'too-many-sessions')
      if (replacedConnectionId !== null)
        this.#listeners.emit({
          type: 'connection-replaced',
          session: refOf(session),
          connectionId: replacedConnectionId,
        })
      await sessions.flush()
      return session
    })
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

  detachSession(session: SessionRef, connectionId: string, holdFor: number): Promise<void> {
    return this.#use(({ sessions }) => sessions.detach(session, connectionId, holdFor))
  }

  sessions(of: UserRef): Promise<SessionRecord[]> {
    return this.#use(({ sessions }) => sessions.of(of))
  }

  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean> {
    return this.#use(({ sessions }) => this.#end(sessions, session, code, connectionId))
  }

  appSessions(appId: string, after: string | null, limit: number): Promise<SessionPage> {
    return this.#use(({ sessions }) => sessions.inApp(appId, after, limit))
  }

  revokeUser(of: UserRef, revocation: Revocation): Promise<number> {
    return this.#use(async ({ sessions, database }) => {
      const { issuedBefore } = revocation
      const { lastNumber } = sessions
      const before = await database.revocations.revokeUser(of, issuedBefore ?? Date.now())
      for (const session of sessions.of(of)) this.#revoke(sessions, session, revocation, before, lastNumber)
      return before
    })
  }

  revokeApp(appId: string, revocation: Revocation): Promise<number> {
    return this.#use(async (opened) => {
      const { sessions, database } = opened
      const { lastNumber } = sessions
      const before = await database.revocations.revokeApp(appId, revocation.issuedBefore ?? Date.now())
      // A start is compared with the revocation from now on, so that no later session is concerned.
      const end = sessions.lastNumber
      let after: string | null = null
      do {
        const page: SessionPage = sessions.inApp(appId, after, ENDED_PER_STEP)
        for (const session of page.sessions) this.#revoke(sessions, session, revocation, before, lastNumber)
        after = page.next
        await nextTurn()
      } while (after !== null && Number(after) < end && this.#current?.opened === opened)
      return before
    })
  }

  revokeToken(appId: string, tokenId: string): Promise<void> {
    return this.#use(async ({ sessions, database }) => {
      const [known] = sessions.ofToken(appId, tokenId)
      await database.revocations.revokeToken(appId, tokenId, known?.credential.expiresAt)
      for (const session of sessions.ofToken(appId, tokenId)) this.#end(sessions, session, 'revoked')
    })
  }

  liftRevocation(of: UserRef): Promise<boolean> {
    return this.#use(({ database }) => database.revocations.lift(of))
  }

  status(of: UserRef): Promise<UserStatus> {
    return this.#use(({ sessions, database }) => {
      const live = sessions.of(of)
      const lastSeen = read(database.volume.store, rows.lastSeen(of)) as number | undefined
      const seen = [
        ...live.map(({ lastSeenAt }) => lastSeenAt),
        ...(lastSeen === undefined ? [] : [lastSeen]),
      ]
      return {
        online: sessions.isOnline(of),
        sessions: live.length,
        lastSeenAt: seen.length > 0 ? Math.max(...seen) : null,
        revokedBefore: database.revocations.revokedBefore(of),
        unread: database.inboxes.state(of).unread,
      }
    })
  }

  users(appId: string, after: string | null, limit: number): Promise<UserRecord[]> {
    return this.#use(({ database }) => database.users.after(appId, after, limit))
  }

  async deleteUser({ appId, userId }: UserRef): Promise<boolean> {
    const of = { appId, userId }
    await this.revokeUser(of, { issuedBefore: null, mode: 'end' })
    return this.#use(async ({ sessions, database: { users, inboxes, commit } }) => {
      let hadInbox = false
      const forget = (): void => {
        // Under the name of the write of a session that has just ended, which must not bring the row back.
        commit.defer(rows.lastSeen(of), (batch) => batch.push(del(rows.lastSeen(of))))
      }
      const hadUser = await users.delete(of, async (operations) => {
        forget()
        hadInbox = await inboxes.delete(of, (more) => commit.sync([...operations, ...more]))
      })
      for (const session of sessions.of(of)) this.#end(sessions, session, 'revoked')
      forget()
      return hadUser || hadInbox
    })
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

  configure(appId: string, { retention }: AppOptions): Promise<void> {
    return this.#use(({ database }) => database.inboxes.retain(appId, retention))
  }

  send(message: NewMessage, rules: SendRules): Promise<SendResult> {
    return this.#use(({ database }) => database.inboxes.send(message, rules))
  }

  inbox(of: UserRef): Promise<InboxState> {
    return this.#use(({ database }) => database.inboxes.state(of))
  }

  messagesAfter(of: UserRef, position: Position, limit: number): Promise<MessagePage> {
    return this.#use(({ database }) => database.inboxes.after(of, position, limit))
  }

  messagesBefore(
    of: UserRef,
    before: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null> {
    return this.#use(({ database }) => database.inboxes.before(of, before, limit))
  }

  markRead(of: UserRef, position: Position): Promise<InboxState | null> {
    return this.#use(({ database }) => database.inboxes.markRead(of, position))
  }

  listen(listener: (event: EngineEvent) => void, signal: AbortSignal): void {
    this.#listeners.add(listener, signal)
  }

  /** Runs `work` synchronously if the engine is open, so that calls take effect in their order. */
  #use<T>(work: (opened: Opened) => T | Promise<T>): Promise<T> {
    const opened = this.#current?.opened
    if (!opened) return this.#useWhenReady(work)
    // Not an async function, which would pass a promise on three microtasks later.
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

  #end(sessions: Sessions, session: SessionRef, code: EndCode, connectionId?: string): boolean {
    const ended = sessions.end(session, connectionId)
    if (ended) this.#emitEnded(ended, code)
    return ended !== undefined
  }

  /**
   * Does to a session what a revocation asks for, if it concerns the session. `before` is the time up to which credentials are revoked,
   * `lastNumber` the number of the last start before the revocation.
   */
  #revoke(
    sessions: Sessions,
    session: SessionRecord,
    { issuedBefore, mode }: Revocation,
    before: number,
    lastNumber: number,
  ): void {
    const { issuedAt } = session.credential
    const isRevoked = issuedAt === null || issuedAt <= before
    if (!isRevoked && !(issuedBefore === null && sessions.startedUpTo(session, lastNumber))) return
    if (mode === 'end') this.#end(sessions, session, 'revoked')
    else this.#listeners.emit({ type: 'reauth', session: refOf(session) })
  }

  #emitEnded(session: SessionRecord, code: EndCode): void {
    this.#storeLastSeen(session)
    this.#listeners.emit({ type: 'session-ended', session: refOf(session), code })
    if (session.guest) this.#current?.opened?.database.guests.deleteIfUnused(session)
  }

  /** Stores when a user was last there, if this was the last session. A guest without messages leaves nothing. */
  #storeLastSeen(session: SessionRecord): void {
    const opened = this.#current?.opened
    if (!opened || opened.sessions.has(session)) return
    const { database } = opened
    if (session.guest && !database.inboxes.holdsMessages(session)) return
    const row = rows.lastSeen(session)
    const { lastSeenAt } = session
    database.commit.defer(row, (batch) => batch.push(put(row, lastSeenAt)))
  }
}
