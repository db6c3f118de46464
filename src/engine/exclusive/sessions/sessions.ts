import { setImmediate as nextTurn } from 'node:timers/promises'
import type {
  Credential,
  SessionPage,
  SessionRecord,
  SessionRef,
  SessionRequest,
  UserRef,
} from '../../engine.js'
import { Deadlines } from '../../../util/deadlines.js'
import { sessionsBeyond } from '../../decide/sessions/make-room.js'
import {
  attached,
  detached,
  goesOffline,
  isOver,
  isResumedBy,
  keysAfter,
} from '../../decide/sessions/session.js'
import type { GroupCommit } from '../store/group-commit.js'
import { SessionIndex } from './session-index.js'
import { isHidden, newSession, readSessions, recordOf, storedSessionOf, type Session } from './session-row.js'
import { rows } from '../store/rows.js'
import { del, put, type Store } from '../store/store.js'
import type { Presence } from '../webhooks/webhook-events.js'

/** The result of `Sessions.start`. */
interface Started {
  session: SessionRecord
  /** Whether the session was resumed. */
  resumed: boolean
  /** The sessions that had to end, because the user had too many. */
  replaced: SessionRecord[]
  /** The connection that carried the resumed session until now; null if no connection did. */
  replacedConnectionId: string | null
}

interface SessionsOptions {
  /** Returns the group commit through which changes are written now; undefined if sessions are not written. */
  commit: () => GroupCommit | undefined
  /** Called with each session that ends because its resume window is over. `wasOnline` says whether the user was online until then. */
  onExpired: (session: SessionRecord, wasOnline: boolean) => void
  /** Called with each session that no longer makes its user online. */
  onAway: (session: SessionRecord) => void
}

/** Calls `each` with every session, and `pause` after each step. */
const inSteps = async (
  sessions: readonly Session[],
  pause: () => Promise<void> | undefined,
  each: (session: Session) => void,
): Promise<void> => {
  for (let start = 0; start < sessions.length; start += LOADED_PER_STEP) {
    for (const session of sessions.slice(start, start + LOADED_PER_STEP)) each(session)
    await pause()
  }
}

/** The clock of resume windows. Setting the machine's time does not move it, and so neither shortens nor extends a window. */
const monotonicNow = (): number => performance.now()

/** How many sessions are ended, or marked as away, before other work runs. After a restart many sessions are due at the same time. */
const DUE_PER_STEP = 32
/** How many sessions of an earlier process are detached, or written, in one turn of the event loop. */
const LOADED_PER_STEP = 1_000

/**
 * The sessions that have not ended. Their state in memory is the valid one. Each change is written afterwards, and a recovery writes those
 * that a failed commit has kept. A start waits until the row of its session is written (`flush`), because the client receives a resume
 * key, which must work even after a crash. A revocation waits, too.
 */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #index = new SessionIndex<Session>()
  /** The sessions without a connection: each at the end of its resume window, and before that at `offlineAt`. */
  readonly #deadlines = new Deadlines<Session>(monotonicNow, () => this.#onDue())
  #lastNumber = 0
  #isLoading = false

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Loads the sessions of an earlier process. No connection carries them, so they are detached from now on. */
  async load(store: Store): Promise<void> {
    this.#isLoading = true
    const sessions = await readSessions(store)
    // The number of a detachment has to be above all numbers in the store.
    for (const { number, detached, hiddenSince } of sessions)
      this.#lastNumber = Math.max(this.#lastNumber, number, detached ?? 0, hiddenSince ?? 0)
    await inSteps(sessions, nextTurn, (session) => {
      this.#index.add(session)
      // The resume window begins now, because no client could return while the engine was closed.
      this.#detach(session, monotonicNow())
    })
    this.#isLoading = false
  }

  /** Writes every session, in steps: those that were loaded have changed. */
  writeAll(): Promise<void> {
    return inSteps(
      [...this.#index.all()],
      () => this.flush(),
      (session) => this.#write(session),
    )
  }

  has(user: UserRef): boolean {
    return this.#index.of(user).length > 0
  }

  /** Returns the user's sessions, the oldest first. */
  of(user: UserRef): SessionRecord[] {
    this.#endExpiredOf(user)
    return this.#index.of(user).map(recordOf)
  }

  /** Returns the number of the app's sessions. If many expire together, some count until a later step ends them. */
  count(appId: string): number {
    this.#onDue()
    return this.#index.count(appId)
  }

  /** The highest number that a start, a detachment or a hiding has got so far. */
  get lastNumber(): number {
    return this.#lastNumber
  }

  /** Returns a page of the app's sessions. `after` is the number of the last session on the page before; null for the first page. */
  inApp(appId: string, after: string | null, limit: number): SessionPage {
    this.#onDue()
    const now = monotonicNow()
    const found: Session[] = []
    for (let cursor = Number(after ?? 0); found.length <= limit;) {
      const entries = this.#index.inApp(appId, cursor, limit + 1)
      found.push(...entries.filter((session) => !isOver(session, now)))
      const last = entries.at(-1)
      if (!last || entries.length <= limit) break
      cursor = last.number
    }
    const page = found.slice(0, limit)
    const last = page.at(-1)
    return {
      sessions: page.map(recordOf),
      next: last && found.length > limit ? String(last.number) : null,
    }
  }

  isOnline(user: UserRef): boolean {
    this.#endExpiredOf(user)
    const now = monotonicNow()
    for (const session of this.#index.of(user)) this.#markIfAway(session, now)
    return this.presence(user).online
  }

  /** Returns whether the user is online, and how many sessions the user has, as the callbacks have reported them so far. */
  presence(user: UserRef): Presence {
    const entries = this.#index.of(user)
    return { online: entries.some(({ offline }) => !offline), sessions: entries.length }
  }

  /** Returns the sessions whose latest credential is this token. */
  ofToken(appId: string, tokenId: string): SessionRecord[] {
    return this.#index.ofToken(appId, tokenId).map(recordOf)
  }

  /** Returns whether the session has not ended and has the number `number` or a lower one. */
  startedUpTo(ref: SessionRef, number: number): boolean {
    return (this.#index.find(ref)?.number ?? Infinity) <= number
  }

  /** Starts a session, or resumes the session whose key has the hash `request.resumes`. */
  start(request: SessionRequest): Started {
    this.#endExpiredOf(request)
    const { resumes } = request
    if (resumes === undefined) return this.#create(request)
    const resumed = this.#index.of(request).find((session) => isResumedBy(session, resumes))
    return resumed ? this.#resume(resumed, resumes, request) : this.#create(request)
  }

  /**
   * Resolves when the sessions in their present state are written, so that they survive a crash of the process. Returns undefined if
   * sessions are not written.
   */
  flush(): Promise<void> | undefined {
    return this.#options.commit()?.flush()
  }

  confirm(ref: SessionRef, connectionId: string): void {
    const session = this.#index.find(ref)
    if (session?.connectionId !== connectionId) return
    session.lastSeenAt = Date.now()
    if (session.previousKeyHash === null) return
    session.previousKeyHash = null
    this.#write(session)
  }

  renew(ref: SessionRef, connectionId: string, credential: Credential): void {
    const session = this.#index.find(ref)
    if (session?.connectionId !== connectionId) return
    this.#index.setCredential(session, credential)
    this.#write(session)
  }

  touch(ref: SessionRef, connectionId: string, rtt: number): void {
    const session = this.#index.find(ref)
    if (session?.connectionId !== connectionId) return
    // The time is not written. After a crash the last time at which the engine was open takes its place.
    session.lastSeenAt = Date.now()
    session.rtt = rtt
  }

  setHidden(ref: SessionRef, connectionId: string, hidden: boolean): void {
    const session = this.#index.find(ref)
    if (session?.connectionId !== connectionId || isHidden(session) === hidden) return
    this.#setHidden(session, hidden)
    this.#write(session)
  }

  detach(ref: SessionRef, connectionId: string, resumableFor: number): void {
    const session = this.#index.find(ref)
    if (session?.connectionId !== connectionId) return
    session.lastSeenAt = Date.now()
    session.resumableFor = resumableFor
    this.#detach(session, monotonicNow())
    this.#write(session)
    this.#endExpiredOf(ref)
  }

  /** Ends a session and returns it. Returns undefined if there is no such session, or if `connectionId` is given and does not carry it. */
  end(ref: SessionRef, connectionId?: string): SessionRecord | undefined {
    this.#endExpiredOf(ref)
    const session = this.#index.find(ref)
    if (!session || (connectionId !== undefined && session.connectionId !== connectionId)) return undefined
    if (session.connectionId !== null) session.lastSeenAt = Date.now()
    this.#remove(session)
    return recordOf(session)
  }

  stop(): void {
    this.#deadlines.stop()
  }

  /** Ends sessions whose resume window is over, and marks those that no longer make their user online, some in each step. */
  #onDue(): void {
    // No session ends while sessions are being loaded, though the first may be due before the last is detached. The timer fires again
    // later.
    if (this.#isLoading) return
    const now = monotonicNow()
    for (const session of this.#deadlines.takeDue(now, DUE_PER_STEP)) {
      this.#endIfExpired(session, now)
      this.#markIfAway(session, now)
    }
  }

  /** Ends those of a user's sessions whose resume window is over, because the timer may fire late. */
  #endExpiredOf(user: UserRef): void {
    const now = monotonicNow()
    for (const session of this.#index.of(user)) this.#endIfExpired(session, now)
  }

  #endIfExpired(session: Session, now: number): void {
    // Since the deadline was set, the session may have been resumed, have ended, or have been detached again.
    if (!isOver(session, now) || !this.#index.has(session)) return
    const { online } = this.presence(session)
    this.#remove(session)
    this.#options.onExpired(recordOf(session), online)
  }

  #create(request: SessionRequest): Started {
    const session = newSession(request, ++this.#lastNumber)
    this.#setHidden(session, request.hidden)
    const replaced = sessionsBeyond(this.#index.of(session), request.sessionsPerUser - 1)
    for (const old of replaced) this.#remove(old)
    this.#index.add(session)
    this.#write(session)
    return {
      session: recordOf(session),
      resumed: false,
      replaced: replaced.map(recordOf),
      replacedConnectionId: null,
    }
  }

  /** Resumes a session by the key with the hash `resumes`. */
  #resume(session: Session, resumes: string, request: SessionRequest): Started {
    const { hidden, connectionId, keyHash, resumableFor } = request
    const replacedConnectionId = session.connectionId
    session.lastSeenAt = Date.now()
    if (isHidden(session) !== hidden) this.#setHidden(session, hidden)
    Object.assign(session, keysAfter(session, resumes, keyHash), attached(connectionId, resumableFor))
    session.origin = request.origin
    session.address = request.address
    session.client = request.client
    session.node = request.node
    session.rtt = null
    this.#index.setCredential(session, request.credential)
    this.#write(session)
    return {
      session: recordOf(session),
      resumed: true,
      replaced: [],
      replacedConnectionId,
    }
  }

  #setHidden(session: Session, hidden: boolean): void {
    session.hiddenSince = hidden ? ++this.#lastNumber : null
  }

  #detach(session: Session, now: number): void {
    Object.assign(session, detached(session, ++this.#lastNumber, now))
    this.#deadlines.add(session.expiresAt ?? now, session)
    if (!session.offline) this.#deadlines.add(session.offlineAt ?? now, session)
  }

  #markIfAway(session: Session, now: number): void {
    // The session may have been resumed, have ended, or have lost another connection since the deadline was set.
    if (!goesOffline(session, now) || !this.#index.has(session)) return
    session.offline = true
    this.#write(session)
    this.#options.onAway(recordOf(session))
  }

  #remove(session: Session): void {
    this.#index.delete(session)
    this.#write(session)
  }

  /** Writes the session in the state that it has when the batch begins. If it has ended by then, its row is deleted. */
  #write(session: Session): void {
    const row = rows.session(session)
    this.#options.commit()?.deferKept(row, (batch) => {
      batch.push(this.#index.has(session) ? put(row, storedSessionOf(session)) : del(row))
    })
  }
}
