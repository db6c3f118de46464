import { randomUUID } from 'node:crypto'
import type { SessionRecord, SessionRef, SessionRequest, StartedSession, UserRef } from '../engine.js'
import { Deadlines } from '../util/deadlines.js'
import type { GroupCommit } from './group-commit.js'
import { keyOf, rows } from './rows.js'
import { del, put, readAll, type Store } from './store.js'

interface SessionRow extends SessionRecord {
  /** The number of its start. Starts, detachments and hidings are numbered in their order, because clocks may go back. */
  number: number
  /** The number of its last detachment; null while it is active. */
  detached: number | null
  /** The number of its page's last hiding; null while the page is visible. */
  hiddenSince: number | null
  /** The connection that carries the session; null while it is detached. */
  connectionId: string | null
  /** Hash of the resume key that the client was given last. */
  keyHash: string
  /** Hash of the resume key before that one. It is valid until the client is known to have the new one. */
  previousKeyHash: string | null
  /** Milliseconds for which the session is held, from when it was detached or loaded. */
  holdFor: number
  /** When the hold expires, by the monotonic clock; null while the session is active. */
  expiresAt: number | null
}

interface Entry {
  session: SessionRow
  /** Whether its row may be in the store. */
  mayBeStored: boolean
}

/** The result of a start. */
interface Started {
  session: StartedSession
  /** Sessions that were ended to keep the user's limit. */
  replaced: SessionRecord[]
  /** The connection that carried a resumed session until now; null if none did. */
  replacedConnectionId: string | null
}

/** A clock that setting the machine's time does not move: it must neither end a held session nor hold one for longer. */
const monotonicNow = (): number => performance.now()

const userKeyOf = ({ appId, userId }: UserRef): string => keyOf(appId, userId)

const recordOf = (session: SessionRow): SessionRecord => ({
  appId: session.appId,
  userId: session.userId,
  sessionId: session.sessionId,
  guest: session.guest,
  startedAt: session.startedAt,
  lastSeenAt: session.lastSeenAt,
  state: session.state,
  hidden: session.hidden,
})

/**
 * The sessions that have not ended. The state in memory decides; on a persistent volume, the rows are written behind
 * it. Only a start waits for its row (`flush`), since its client is given a resume key.
 */
export class Sessions {
  /** By user, in the order of their starts. Most users have one, and an array takes less memory than a Map for each. */
  readonly #users = new Map<string, readonly Entry[]>()
  readonly #deadlines = new Deadlines<Entry>(monotonicNow, () => this.endExpired())
  readonly #onExpired: (session: SessionRecord) => void
  #journal: GroupCommit | undefined
  #lastNumber = 0

  /** `onExpired` is called with each session whose hold has expired. */
  constructor(onExpired: (session: SessionRecord) => void) {
    this.#onExpired = onExpired
  }

  /** Loads the sessions that another process left. No connection carries them, so all are held from now on. */
  async load(store: Store): Promise<void> {
    const stored = await readAll<SessionRow>(store, rows.allSessions)
    const now = monotonicNow()
    const sessions = stored.map(([, session]) => session).toSorted((a, b) => a.number - b.number)
    for (const { number, detached, hiddenSince } of sessions)
      this.#lastNumber = Math.max(this.#lastNumber, number, detached ?? 0, hiddenSince ?? 0)
    for (const session of sessions) {
      const entry = { session, mayBeStored: true }
      this.#put(entry)
      // A hold starts anew, because no client could return while the engine was closed.
      this.#hold(entry, now + session.holdFor)
    }
  }

  /** Writes every session, and from now on every change, through `commit`. */
  journalTo(commit: GroupCommit): void {
    this.#journal = commit
    for (const entries of this.#users.values()) for (const entry of entries) this.#write(entry)
  }

  /** As `journalTo`, for a store whose rows are outdated: deletes those of sessions that have ended since. */
  async rewriteTo(store: Store, commit: GroupCommit): Promise<void> {
    const stored = await readAll<SessionRow>(store, rows.allSessions)
    for (const [row, session] of stored) {
      if (!this.#find(session)) commit.defer(row, (batch) => batch.push(del(row)))
    }
    this.journalTo(commit)
  }

  has(user: UserRef): boolean {
    return this.#of(user).length > 0
  }

  /** The user's sessions, oldest first. */
  of(user: UserRef): SessionRecord[] {
    this.endExpired()
    return this.#of(user).map(({ session }) => recordOf(session))
  }

  /** Starts a session, or resumes the session whose key has the hash `request.resumes`. */
  start(request: SessionRequest): Started {
    this.endExpired()
    const resumed = request.resumes === undefined ? undefined : this.#byKey(request, request.resumes)
    return resumed ? this.#resume(resumed, request) : this.#create(request)
  }

  /** Resolves when the sessions as they are now survive a crash of the process, if the volume is persistent. */
  async flush(): Promise<void> {
    await this.#journal?.flush()
  }

  confirm(ref: SessionRef, connectionId: string): void {
    const entry = this.#find(ref)
    if (entry?.session.connectionId !== connectionId) return
    entry.session.lastSeenAt = Date.now()
    if (entry.session.previousKeyHash === null) return
    entry.session.previousKeyHash = null
    this.#write(entry)
  }

  setHidden(ref: SessionRef, connectionId: string, hidden: boolean): void {
    const entry = this.#find(ref)
    if (entry?.session.connectionId !== connectionId || entry.session.hidden === hidden) return
    this.#setHidden(entry.session, hidden)
    this.#write(entry)
  }

  detach(ref: SessionRef, connectionId: string, holdFor: number): void {
    const entry = this.#find(ref)
    if (entry?.session.connectionId !== connectionId) return
    entry.session.lastSeenAt = Date.now()
    entry.session.holdFor = holdFor
    this.#hold(entry, monotonicNow() + holdFor)
    this.#write(entry)
    this.endExpired()
  }

  /**
   * Returns the session that it ended; undefined if there is none, or if another connection than the given one carries
   * it.
   */
  end(ref: SessionRef, connectionId?: string): SessionRecord | undefined {
    this.endExpired()
    const entry = this.#find(ref)
    if (!entry || (connectionId !== undefined && entry.session.connectionId !== connectionId))
      return undefined
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
      this.#remove(entry)
      this.#onExpired(recordOf(entry.session))
    }
  }

  /** Clears the timer. */
  stop(): void {
    this.#deadlines.stop()
  }

  #create({
    appId,
    userId,
    guest,
    hidden,
    connectionId,
    keyHash,
    holdFor,
    sessionsPerUser,
  }: SessionRequest): Started {
    const now = Date.now()
    const session: SessionRow = {
      number: ++this.#lastNumber,
      detached: null,
      hiddenSince: null,
      appId,
      userId,
      sessionId: randomUUID(),
      guest,
      startedAt: now,
      lastSeenAt: now,
      state: 'active',
      hidden: false,
      connectionId,
      keyHash,
      previousKeyHash: null,
      holdFor,
      expiresAt: null,
    }
    this.#setHidden(session, hidden)
    const replaced = this.#beyond(session, sessionsPerUser - 1)
    for (const old of replaced) this.#remove(old)
    const entry = { session, mayBeStored: false }
    this.#put(entry)
    this.#write(entry)
    return {
      session: { ...recordOf(session), resumed: false },
      replaced: replaced.map((old) => recordOf(old.session)),
      replacedConnectionId: null,
    }
  }

  #resume(entry: Entry, { hidden, connectionId, keyHash, resumes, holdFor }: SessionRequest): Started {
    const { session } = entry
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
    this.#write(entry)
    return { session: { ...recordOf(session), resumed: true }, replaced: [], replacedConnectionId }
  }

  #setHidden(session: SessionRow, hidden: boolean): void {
    session.hidden = hidden
    session.hiddenSince = hidden ? ++this.#lastNumber : null
  }

  /** The user's sessions beyond `limit`: the longest detached, then the longest hidden, then the oldest. */
  #beyond(user: UserRef, limit: number): Entry[] {
    const entries = this.#of(user)
    if (entries.length <= limit) return []
    const ranked = entries.map((entry): [group: number, number: number, Entry] => {
      const { detached, hiddenSince, number } = entry.session
      if (detached !== null) return [0, detached, entry]
      return hiddenSince === null ? [2, number, entry] : [1, hiddenSince, entry]
    })
    ranked.sort(([groupA, a], [groupB, b]) => groupA - groupB || a - b)
    return ranked.slice(0, entries.length - Math.max(limit, 0)).map(([, , entry]) => entry)
  }

  #byKey(user: UserRef, hash: string): Entry | undefined {
    return this.#of(user).find(({ session }) => session.keyHash === hash || session.previousKeyHash === hash)
  }

  #of(user: UserRef): readonly Entry[] {
    return this.#users.get(userKeyOf(user)) ?? []
  }

  #find(ref: SessionRef): Entry | undefined {
    return this.#of(ref).find(({ session }) => session.sessionId === ref.sessionId)
  }

  #isCurrent(entry: Entry): boolean {
    return this.#find(entry.session) === entry
  }

  #put(entry: Entry): void {
    this.#users.set(userKeyOf(entry.session), [...this.#of(entry.session), entry])
  }

  #hold(entry: Entry, expiresAt: number): void {
    entry.session.state = 'detached'
    entry.session.detached ??= ++this.#lastNumber
    entry.session.connectionId = null
    entry.session.expiresAt = expiresAt
    this.#deadlines.add(expiresAt, entry)
  }

  #remove(entry: Entry): void {
    const key = userKeyOf(entry.session)
    const others = this.#of(entry.session).filter((other) => other !== entry)
    if (others.length > 0) this.#users.set(key, others)
    else this.#users.delete(key)
    this.#write(entry)
  }

  /** Writes the session as it is when the batch is sent. A session that has ended by then leaves no row. */
  #write(entry: Entry): void {
    const row = rows.session(entry.session)
    this.#journal?.defer(row, (batch) => {
      const isCurrent = this.#isCurrent(entry)
      if (isCurrent) batch.push(put(row, entry.session))
      else if (entry.mayBeStored) batch.push(del(row))
      entry.mayBeStored = isCurrent
    })
  }
}
