import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EndCode } from '../../protocol/index.js'
import type {
  Admission,
  AdmissionRefusal,
  Adoption,
  AdoptionRequest,
  EngineEvent,
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
} from '../engine.js'
import { isIssuedUpTo } from '../decide/revocations/revoked.js'
import { refusalOf } from '../decide/users/user-changes.js'
import { userKey } from '../user-key.js'
import type { Database } from './database.js'
import { rows } from './store/rows.js'
import { Sessions } from './sessions/sessions.js'
import { del, put } from './store/store.js'

/** How many of an app's sessions a revocation checks before it lets other work run. */
const ENDED_PER_STEP = 32

const refOf = ({ appId, userId, sessionId }: SessionRef): SessionRef => ({ appId, userId, sessionId })

/** Returns the data of a webhook event about a session. */
const eventDataOf = ({
  sessionId,
  guest,
  credential,
  origin,
  address,
  client,
  startedAt,
}: SessionRecord) => ({
  sessionId,
  guest,
  way: credential.authMethod,
  origin,
  address,
  client,
  startedAt,
})

interface SessionServiceOptions {
  /** Returns the database that is open now; undefined before the first one is open. */
  database: () => Database | undefined
  emit: (event: EngineEvent) => void
}

/** Starts, ends and revokes sessions, emits the events of these changes, and adds their webhook events. */
export class SessionService {
  readonly sessions: Sessions
  /** The keys of the users whose presence a gateway watches. */
  readonly #watched = new Set<string>()
  /** When an ended session was last seen, for each user who still has another session. The keys are those of `rows.lastSeen`. */
  readonly #seen = new Map<string, number>()
  readonly #database: () => Database | undefined
  readonly #emit: (event: EngineEvent) => void

  constructor({ database, emit }: SessionServiceOptions) {
    this.#database = database
    this.#emit = emit
    this.sessions = new Sessions({
      commit: () => {
        const opened = database()
        return opened?.volume.isPersistent ? opened.commit : undefined
      },
      // The code is not `ended`, which is for a session that its client has ended.
      onExpired: (session, wasOnline) => this.#onEnded(session, 'timeout', wasOnline),
      onAway: (session) => this.#onPresence(session, true),
    })
  }

  /** Saves the user before a session starts. If the admission is refused, resolves with the reason instead. */
  admit(
    { appId, userId }: UserRef,
    change: UserChange,
    admission: Admission,
    { users, guests, usage, revocations }: Database,
  ): Promise<SavedUser | AdmissionRefusal> {
    const of = { appId, userId }
    const { credential, maxGuests } = admission
    const isGuest = maxGuests !== null
    const refuse = (stored: UserRecord | null): AdmissionRefusal | undefined => {
      if (revocations.isRevoked(of, credential)) return 'revoked'
      const refusal = refusalOf(stored, admission)
      if (refusal) return refusal
      if (isGuest && !stored && usage.of(appId).guests >= maxGuests) return 'full'
      if (isGuest) guests.expectStart(of)
      return undefined
    }
    return users.save(of, change, { isGuest, refuse })
  }

  /** `isLost` says whether messages after `request.after` were gone a moment ago. */
  start(
    request: SessionRequest,
    { revocations, users, guests, webhooks, inboxes }: Database,
    isLost: boolean,
  ): StartedSession | null | Promise<StartedSession> {
    if (revocations.isRevoked(request, request.credential)) return null
    const { userCreatedAt } = request
    if (userCreatedAt !== undefined && !users.exists(request, userCreatedAt)) return null
    const { sessions } = this
    const { appId } = request
    const reportsPresence =
      webhooks.asks(appId, 'user.online') ||
      webhooks.asks(appId, 'user.offline') ||
      this.#watched.has(userKey(request))
    const wasOnline = reportsPresence && sessions.isOnline(request)
    // This comes first, because it may read the store, and a failed read must leave no session behind.
    const inbox = inboxes.state(request)
    const { session, resumed, replaced, replacedConnectionId } = sessions.start(request)
    if (request.guest) guests.started(request)
    for (const old of replaced) this.#onEnded(old, 'too-many-sessions', true)
    if (replacedConnectionId !== null)
      this.#emit({
        type: 'connection-replaced',
        session: refOf(session),
        connectionId: replacedConnectionId,
      })
    if (!resumed && webhooks.asks(appId, 'session.started'))
      webhooks.defer(session, 'session.started', eventDataOf(session))
    if (reportsPresence && !wasOnline) this.#onPresence(session, false)
    const lost = isLost || (request.after !== undefined && request.after.epoch !== inbox.epoch)
    const started = Object.assign(session, { resumed, inbox, lost })
    // If there is nothing to flush, this returns no promise, because a promise would delay each start by some microtasks.
    return sessions.flush()?.then(() => started) ?? started
  }

  watch(of: UserRef): UserPresence {
    const { appId, userId } = of
    this.#watched.add(userKey(of))
    return { appId, userId, online: this.sessions.isOnline(of), lastSeenAt: this.lastSeenAt(of) }
  }

  unwatch(of: UserRef): void {
    this.#watched.delete(userKey(of))
  }

  /** Returns the time at which the user was last seen; null if the user never had a session, or was deleted since. */
  lastSeenAt(of: UserRef): number | null {
    const row = rows.lastSeen(of)
    const stored = this.#database()?.commit.newest(row) as number | undefined
    const seen = this.sessions.of(of).map(({ lastSeenAt }) => lastSeenAt)
    for (const at of [stored, this.#seen.get(row)]) if (at !== undefined) seen.push(at)
    return seen.length > 0 ? Math.max(...seen) : null
  }

  end(ref: SessionRef, code: EndCode, connectionId?: string): boolean {
    const { sessions } = this
    const wasOnline = sessions.isOnline(ref)
    const ended = sessions.end(ref, connectionId)
    if (ended) this.#onEnded(ended, code, wasOnline)
    return ended !== undefined
  }

  async revokeUser(of: UserRef, revocation: Revocation, { revocations }: Database): Promise<number> {
    const { sessions } = this
    const { lastNumber } = sessions
    const before = await revocations.revokeUser(of, revocation.issuedBefore ?? Date.now())
    for (const session of sessions.of(of)) this.#revoke(session, revocation, before, lastNumber)
    await sessions.flush()
    return before
  }

  /**
   * Revokes credentials of the app. Then calls `#revoke` with each of the app's sessions, in steps, for as long as `isOpen` returns true.
   */
  async revokeApp(
    appId: string,
    revocation: Revocation,
    { revocations }: Database,
    isOpen: () => boolean,
  ): Promise<number> {
    const { sessions } = this
    const { lastNumber } = sessions
    const before = await revocations.revokeApp(appId, revocation.issuedBefore ?? Date.now())
    // From now on a start with a revoked credential is refused. So the revocation concerns no session with a number above `end`.
    const end = sessions.lastNumber
    let after: string | null = null
    do {
      const page: SessionPage = sessions.inApp(appId, after, ENDED_PER_STEP)
      for (const session of page.sessions) this.#revoke(session, revocation, before, lastNumber)
      after = page.next
      await nextTurn()
    } while (after !== null && Number(after) < end && isOpen())
    await sessions.flush()
    return before
  }

  async adopt(request: AdoptionRequest, database: Database): Promise<Adoption | null> {
    const guest = { appId: request.appId, userId: request.guestId }
    const adoption = await database.inboxes.adopt({ ...request })
    if (!adoption) return null
    for (const session of this.sessions.of(guest)) this.end(session, 'replaced')
    this.forgetLastSeen(guest, database)
    await database.inboxes.moveAdopted(guest)
    return adoption
  }

  /** Forgets when the user was last seen. */
  forgetLastSeen(of: UserRef, { commit }: Database): void {
    commit.keep([del(rows.lastSeen(of))])
  }

  async revokeToken(appId: string, tokenId: string, { revocations }: Database): Promise<void> {
    const { sessions } = this
    const [known] = sessions.ofToken(appId, tokenId)
    await revocations.revokeToken(appId, tokenId, known?.credential.expiresAt)
    for (const session of sessions.ofToken(appId, tokenId)) this.end(session, 'revoked')
    await sessions.flush()
  }

  /**
   * If the revocation concerns the session, ends the session or emits `reauth`. Credentials that were issued up to `before` are revoked.
   * With `issuedBefore: null` the revocation also concerns sessions with numbers up to `lastNumber`, which were started before it.
   */
  #revoke(
    session: SessionRecord,
    { issuedBefore, mode }: Revocation,
    before: number,
    lastNumber: number,
  ): void {
    const isRevoked = isIssuedUpTo(session.credential.issuedAt, before)
    if (!isRevoked && !(issuedBefore === null && this.sessions.startedUpTo(session, lastNumber))) return
    if (mode === 'end') this.end(session, 'revoked')
    else this.#emit({ type: 'reauth', session: refOf(session) })
  }

  #onEnded(session: SessionRecord, code: EndCode, wasOnline: boolean): void {
    this.#storeLastSeen(session)
    this.#emit({ type: 'session-ended', session: refOf(session), code })
    const database = this.#database()
    if (database?.webhooks.asks(session.appId, 'session.ended'))
      database.webhooks.defer(session, 'session.ended', { ...eventDataOf(session), code })
    this.#onPresence(session, wasOnline)
    if (session.guest) database?.guests.deleteIfUnused(session)
  }

  /**
   * If the presence of the session's user has changed, adds the webhook event `user.online` or `user.offline`, and emits `presence` if the
   * user is watched.
   */
  #onPresence(session: SessionRecord, wasOnline: boolean): void {
    const { online } = this.sessions.presence(session)
    if (online === wasOnline) return
    this.#database()?.webhooks.defer(session, online ? 'user.online' : 'user.offline', {})
    if (!this.#watched.has(userKey(session))) return
    const { appId, userId } = session
    let { lastSeenAt } = session
    try {
      // The stored time may be older than that of this session, whose deferred write perhaps still waits.
      lastSeenAt = Math.max(lastSeenAt, this.lastSeenAt(session) ?? 0)
    } catch {
      // The store can't be read, for example while a recovery opens it again. The error is not thrown, because the end of a resume window
      // has no caller who would get it: it would end the process.
    }
    this.#emit({ type: 'presence', user: { appId, userId }, online, lastSeenAt })
  }

  /** Stores when the user was last seen. If the user still has another session, keeps this time in `#seen` instead. */
  #storeLastSeen(session: SessionRecord): void {
    const row = rows.lastSeen(session)
    // A session that ended earlier may have been seen later.
    const lastSeenAt = Math.max(session.lastSeenAt, this.#seen.get(row) ?? 0)
    if (this.sessions.has(session)) {
      this.#seen.set(row, lastSeenAt)
      return
    }
    this.#seen.delete(row)
    this.#database()?.commit.keep([put(row, lastSeenAt)])
  }
}
