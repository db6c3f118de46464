import type {
  Credential,
  SessionPage,
  SessionRecord,
  SessionRef,
  SessionRequest,
  StartedSession,
  UserRef,
} from '../engine.js'
import { Deadlines } from '../util/deadlines.js'
import type { GroupCommit } from './group-commit.js'
import { SessionIndex } from './session-index.js'
import { SessionJournal } from './session-journal.js'
import { sessionsBeyond } from './sessions-beyond.js'
import { copyOf, newSession, recordOf, type SessionEntry as Entry, type Session } from './session-row.js'
import type { Store } from './store.js'
import type { Presence } from './webhook-events.js'

/** The result of a start. */
interface Started {
  session: StartedSession
  /** Sessions that were ended to keep the user's limit. */
  replaced: SessionRecord[]
  /** The connection that carried a resumed session until now; null if none did. */
  replacedConnectionId: string | null
}

interface SessionCallbacks {
  /** Called with each session whose hold has expired, and whether its user counted as online by it until now. */
  onExpired: (session: SessionRecord, wasOnline: boolean) => void
  /** Called with each session by which its user no longer counts as online. */
  onAway: (session: SessionRecord) => void
}

/** A clock that setting the machine's time does not move: it must neither end a held session nor hold one for longer. */
const monotonicNow = (): number => performance.now()

/** For so many milliseconds after its connection was lost, a session's user counts as online. */
const OFFLINE_AFTER = 20_000

/**
 * The sessions that have not ended. The state in memory decides; on a persistent volume, the rows are written behind
 * it. Only a start waits for its row (`flush`), since its client is given a resume key.
 */
export class Sessions {
  readonly #index = new SessionIndex<Entry>()
  readonly #deadlines = new Deadlines<Entry>(monotonicNow, () => this.endExpired())
  /** Sessions without a connection, by the time at which their user counts as offline. */
  readonly #offlineDeadlines = new Deadlines<Entry>(monotonicNow, () => this.#markAway())
  readonly #onExpired: SessionCallbacks['onExpired']
  readonly #onAway: SessionCallbacks['onAway']
  readonly #journal = new SessionJournal((entry) => this.#isCurrent(entry))
  #lastNumber = 0

  constructor({ onExpired, onAway }: SessionCallbacks) {
    this.#onExpired = onExpired
    this.#onAway = onAway
  }

  /** Loads the sessions that another process left. No connection carries them, so all are held from now on. */
  async load(store: Store): Promise<void> {
    const sessions = await this.#journal.read(store)
    const now = monotonicNow()
    for (const { number, detached, hiddenSince } of sessions)
      this.#lastNumber = Math.max(this.#lastNumber, number, detached ?? 0, hiddenSince ?? 0)
    for (const session of sessions) {
      const entry = { session, mayBeStored: true }
      this.#index.add(entry)
      // A hold starts anew, because no client could return while the engine was closed.
      this.#hold(entry, now + session.holdFor)
    }
  }

  /** Writes every session, and from now on every change, through `commit`. */
  journalTo(commit: GroupCommit): void {
    this.#journal.startWriting(commit, this.#index.all())
  }

  /** As `journalTo`, for a store whose rows are outdated: deletes those of sessions that have ended since. */
  async rewriteTo(store: Store, commit: GroupCommit): Promise<void> {
    await this.#journal.deleteOthers(store, commit, (ref) => this.#index.find(ref) !== undefined)
    this.journalTo(commit)
  }

  has(user: UserRef): boolean {
    return this.#index.of(user).length > 0
  }

  /** The user's sessions, oldest first. */
  of(user: UserRef): SessionRecord[] {
    this.endExpired()
    return this.#index.of(user).map(({ session }) => recordOf(session))
  }

  count(appId: string): number {
    this.endExpired()
    return this.#index.count(appId)
  }

  /** The newest number of a start. */
  get lastNumber(): number {
    return this.#lastNumber
  }

  /** A page of the app's sessions. A cursor is the number of the last session before it. */
  inApp(appId: string, after: string | null, limit: number): SessionPage {
    this.endExpired()
    const entries = this.#index.inApp(appId, Number(after ?? 0), limit + 1)
    const page = entries.slice(0, limit)
    const last = page.at(-1)
    return {
      sessions: page.map(({ session }) => recordOf(session)),
      next: last && entries.length > limit ? String(last.session.number) : null,
    }
  }

  isOnline(user: UserRef): boolean {
    this.endExpired()
    this.#markAway()
    return this.presence(user).online
  }

  /** Whether the user is online, and how many sessions there are, by what the callbacks have been called for. */
  presence(user: UserRef): Presence {
    const entries = this.#index.of(user)
    return { online: entries.some(({ session }) => !session.offline), sessions: entries.length }
  }

  /** The sessions that a token started or renewed. */
  ofToken(appId: string, tokenId: string): SessionRecord[] {
    return this.#index.ofToken(appId, tokenId).map(({ session }) => recordOf(session))
  }

  /** Returns whether a session with this id was started up to `number`. */
  startedUpTo(ref: SessionRef, number: number): boolean {
    return (this.#index.find(ref)?.session.number ?? Infinity) <= number
  }

  /** Starts a session, or resumes the session whose key has the hash `request.resumes`. */
  start(request: SessionRequest): Started {
    this.endExpired()
    const resumed = request.resumes === undefined ? undefined : this.#byKey(request, request.resumes)
    return resumed ? this.#resume(resumed, request) : this.#create(request)
  }

  /** Resolves when the sessions as they are now survive a crash of the process; undefined if the volume is not persistent. */
  flush(): Promise<void> | undefined {
    return this.#journal.flush()
  }

  confirm(ref: SessionRef, connectionId: string): void {
    const entry = this.#index.find(ref)
    if (entry?.session.connectionId !== connectionId) return
    entry.session.lastSeenAt = Date.now()
    if (entry.session.previousKeyHash === null) return
    entry.session.previousKeyHash = null
    this.#journal.write(entry)
  }

  renew(ref: SessionRef, connectionId: string, credential: Credential): void {
    const entry = this.#index.find(ref)
    if (entry?.session.connectionId !== connectionId) return
    this.#setCredential(entry, credential)
    this.#journal.write(entry)
  }

  touch(ref: SessionRef, connectionId: string, rtt: number): void {
    const entry = this.#index.find(ref)
    if (entry?.session.connectionId !== connectionId) return
    // Not written: the times at which the engine was open say as much after a crash.
    entry.session.lastSeenAt = Date.now()
    entry.session.rtt = rtt
  }

  setHidden(ref: SessionRef, connectionId: string, hidden: boolean): void {
    const entry = this.#index.find(ref)
    if (entry?.session.connectionId !== connectionId || entry.session.hidden === hidden) return
    this.#setHidden(entry.session, hidden)
    this.#journal.write(entry)
  }

  detach(ref: SessionRef, connectionId: string, holdFor: number): void {
    const entry = this.#index.find(ref)
    if (entry?.session.connectionId !== connectionId) return
    entry.session.lastSeenAt = Date.now()
    entry.session.holdFor = holdFor
    this.#hold(entry, monotonicNow() + holdFor)
    this.#journal.write(entry)
    this.endExpired()
  }

  /** Returns the session that it ended; undefined if there is none, or if another connection than the given one carries it. */
  end(ref: SessionRef, connectionId?: string): SessionRecord | undefined {
    this.endExpired()
    const entry = this.#index.find(ref)
    if (!entry || (connectionId !== undefined && entry.session.connectionId !== connectionId))
      return undefined
    if (entry.session.connectionId !== null) entry.session.lastSeenAt = Date.now()
    this.#remove(entry)
    return recordOf(entry.session)
  }

  /** Ends the sessions whose hold has expired. Each call above does so too, because the timer may fire late. */
  endExpired(): void {
    const now = monotonicNow()
    for (const entry of this.#deadlines.takeDue(now)) {
      const { expiresAt } = entry.session
      // The session may have been resumed, have ended, or be held anew since the deadline was set.
      if (expiresAt === null || expiresAt > now || !this.#isCurrent(entry)) continue
      const { online } = this.presence(entry.session)
      this.#remove(entry)
      this.#onExpired(recordOf(entry.session), online)
    }
  }

  /** Clears the timers. */
  stop(): void {
    this.#deadlines.stop()
    this.#offlineDeadlines.stop()
  }

  #create(request: SessionRequest): Started {
    const session = newSession(request, ++this.#lastNumber)
    this.#setHidden(session, request.hidden)
    const replaced = sessionsBeyond(this.#index.of(session), request.sessionsPerUser - 1)
    for (const old of replaced) this.#remove(old)
    const entry = { session, mayBeStored: false }
    this.#index.add(entry)
    this.#journal.write(entry)
    return {
      session: Object.assign(recordOf(session), { resumed: false }),
      replaced: replaced.map((old) => recordOf(old.session)),
      replacedConnectionId: null,
    }
  }

  #resume(entry: Entry, request: SessionRequest): Started {
    const { session } = entry
    const { hidden, connectionId, keyHash, resumes, holdFor } = request
    const replacedConnectionId = session.connectionId
    session.lastSeenAt = Date.now()
    session.state = 'active'
    session.detached = null
    if (session.hidden !== hidden) this.#setHidden(session, hidden)
    session.connectionId = connectionId
    session.keyHash = keyHash
    session.previousKeyHash = resumes ?? null
    session.holdFor = holdFor
    session.expiresAt = null
    session.offlineAt = null
    session.offline = false
    session.origin = request.origin
    session.address = request.address
    session.client = request.client
    session.node = request.node
    session.rtt = null
    this.#setCredential(entry, request.credential)
    this.#journal.write(entry)
    return {
      session: Object.assign(recordOf(session), { resumed: true }),
      replaced: [],
      replacedConnectionId,
    }
  }

  #setCredential(entry: Entry, credential: Credential): void {
    this.#index.changeToken(entry, () => (entry.session.credential = copyOf(credential)))
  }

  #setHidden(session: Session, hidden: boolean): void {
    session.hidden = hidden
    session.hiddenSince = hidden ? ++this.#lastNumber : null
  }

  #byKey(user: UserRef, hash: string): Entry | undefined {
    return this.#index
      .of(user)
      .find(({ session }) => session.keyHash === hash || session.previousKeyHash === hash)
  }

  #isCurrent(entry: Entry): boolean {
    return this.#index.has(entry)
  }

  #hold(entry: Entry, expiresAt: number): void {
    entry.session.state = 'detached'
    entry.session.detached ??= ++this.#lastNumber
    entry.session.connectionId = null
    entry.session.expiresAt = expiresAt
    this.#deadlines.add(expiresAt, entry)
    if (entry.session.offline) return
    entry.session.offlineAt = monotonicNow() + OFFLINE_AFTER
    this.#offlineDeadlines.add(entry.session.offlineAt, entry)
  }

  /** Marks the sessions whose connection has been lost for `OFFLINE_AFTER`. Reads do so too, because the timer may fire late. */
  #markAway(): void {
    const now = monotonicNow()
    for (const entry of this.#offlineDeadlines.takeDue(now)) {
      const { session } = entry
      // The session may have been resumed, have ended, or have lost another connection since the deadline was set.
      if (session.offlineAt === null || session.offlineAt > now || session.offline || !this.#isCurrent(entry))
        continue
      session.offline = true
      this.#journal.write(entry)
      this.#onAway(recordOf(session))
    }
  }

  #remove(entry: Entry): void {
    this.#index.delete(entry)
    this.#journal.write(entry)
  }
}
