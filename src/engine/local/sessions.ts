import { randomUUID } from 'node:crypto'
import type { GroupCommit } from './group-commit.js'
import type { SessionRecord, SessionRef, SessionRequest, StartedSession, UserRef } from '../engine.js'
import { Deadlines } from '../util/deadlines.js'
import { del, keyOf, put, readAll, rows, type Store } from './store.js'

/** What is kept of a session. */
interface SessionRow extends SessionRecord {
  /** Tells the order of starts, which times of one millisecond don't. */
  number: number
  /** The connection that carries it; null while it is detached. */
  connectionId: string | null
  /** Hash of the resume key that the client was given last. */
  keyHash: string
  /** Hash of the key that the client came with, which counts until it is known to have the one it was given. */
  previousKeyHash: string | null
  /** Milliseconds that it is held for: from when it was detached, or from when it was loaded. */
  holdFor: number
  /** Unix time, in milliseconds, at which it ends unless somebody comes back; null while it is active. */
  expiresAt: number | null
}

interface Entry {
  session: SessionRow
  /** Whether its row may be in the store. */
  mayBeStored: boolean
}

const userOf = ({ appId, userId }: UserRef): string => keyOf(appId, userId)

const recordOf = (session: SessionRow): SessionRecord => ({
  appId: session.appId,
  userId: session.userId,
  sessionId: session.sessionId,
  guest: session.guest,
  startedAt: session.startedAt,
  lastSeenAt: session.lastSeenAt,
  state: session.state,
})

/**
 * The sessions that have not ended. What counts is in memory; where they are to outlive the process, the store is
 * written behind them. Only whoever is given a key waits for that (`passedOn`).
 */
export class Sessions {
  /** By user, in the order in which they started: most users have one, and an array weighs less than a Map for each. */
  readonly #users = new Map<string, readonly Entry[]>()
  readonly #deadlines = new Deadlines<Entry>(() => this.endExpired())
  readonly #onExpired: (session: SessionRecord) => void
  #journal: GroupCommit | undefined
  #started = 0

  /** `onOver` is told of each session that was held as long as it could be. */
  constructor(onOver: (session: SessionRecord) => void) {
    this.#onExpired = onOver
  }

  /** Takes over what a dead process left: nobody carries it any more, so what was active is held from now on. */
  async load(store: Store): Promise<void> {
    const kept = await readAll<SessionRow>(store, rows.allSessions)
    const now = Date.now()
    const sessions = kept.map(([, session]) => session).toSorted((a, b) => a.number - b.number)
    this.#started = sessions.at(-1)?.number ?? 0
    for (const session of sessions) {
      const live = { session, mayBeStored: true }
      this.#put(live)
      // The time in which nobody could come back does not count.
      this.#hold(live, now + session.holdFor)
    }
  }

  /** From now on sessions are written down in this way. */
  journalTo(commit: GroupCommit): void {
    this.#journal = commit
    for (const user of this.#users.values()) for (const live of user) this.#write(live)
  }

  /** Writes them down in a store that may hold what they once were, and sessions that ended since. */
  async rewriteTo(store: Store, commit: GroupCommit): Promise<void> {
    const kept = await readAll<SessionRow>(store, rows.allSessions)
    for (const [row, session] of kept) {
      if (!this.#find(session)) commit.defer(row, (batch) => batch.push(del(row)))
    }
    this.journalTo(commit)
  }

  /** Oldest first. */
  of(user: UserRef): SessionRecord[] {
    this.endExpired()
    return this.#of(user).map(({ session }) => recordOf(session))
  }

  /**
   * Starts a session or carries one on. `replaced` are those that made room, `left` is the connection that carried the
   * session until now.
   */
  start(request: SessionRequest): {
    session: StartedSession
    replaced: SessionRecord[]
    left: string | null
  } {
    this.endExpired()
    const resumed = request.resumes === undefined ? undefined : this.#byKey(request, request.resumes)
    return resumed ? this.#resume(resumed, request) : this.#create(request)
  }

  /** Resolves when the sessions as they are now outlive the process, where they can. */
  async flush(): Promise<void> {
    await this.#journal?.flush()
  }

  confirm(ref: SessionRef, connectionId: string): void {
    const live = this.#find(ref)
    if (live?.session.connectionId !== connectionId) return
    live.session.lastSeenAt = Date.now()
    if (live.session.previousKeyHash === null) return
    live.session.previousKeyHash = null
    this.#write(live)
  }

  detach(ref: SessionRef, connectionId: string, holdFor: number): void {
    const live = this.#find(ref)
    if (live?.session.connectionId !== connectionId) return
    live.session.lastSeenAt = Date.now()
    live.session.holdFor = holdFor
    this.#hold(live, Date.now() + holdFor)
    this.#write(live)
    this.endExpired()
  }

  /** The session that ended; undefined when there was none, or when another connection than the one named carries it. */
  end(ref: SessionRef, connectionId?: string): SessionRecord | undefined {
    this.endExpired()
    const live = this.#find(ref)
    if (!live || (connectionId !== undefined && live.session.connectionId !== connectionId)) return undefined
    this.#remove(live)
    return recordOf(live.session)
  }

  /** Ends what was held long enough. A timer does so too, but a deadline counts whether or not it has fired yet. */
  endExpired(): void {
    const now = Date.now()
    for (const live of this.#deadlines.takeDue(now)) {
      const { expiresAt: heldUntil } = live.session
      // It may have been carried on since, or have ended, or be held anew.
      if (heldUntil === null || heldUntil > now || !this.#isCurrent(live)) continue
      this.#remove(live)
      this.#onExpired(recordOf(live.session))
    }
  }

  stop(): void {
    this.#deadlines.stop()
  }

  #create({ appId, userId, guest, connectionId, keyHash, holdFor, sessionsPerUser }: SessionRequest): {
    session: StartedSession
    replaced: SessionRecord[]
    left: null
  } {
    const now = Date.now()
    const session: SessionRow = {
      number: ++this.#started,
      appId,
      userId,
      sessionId: randomUUID(),
      guest,
      startedAt: now,
      lastSeenAt: now,
      state: 'active',
      connectionId,
      keyHash,
      previousKeyHash: null,
      holdFor,
      expiresAt: null,
    }
    const replaced = this.#oldest(session, sessionsPerUser - 1)
    for (const old of replaced) this.#remove(old)
    const live = { session, mayBeStored: false }
    this.#put(live)
    this.#write(live)
    return {
      session: { ...recordOf(session), resumed: false },
      replaced: replaced.map((old) => recordOf(old.session)),
      left: null,
    }
  }

  #resume(
    live: Entry,
    { connectionId, keyHash, resumes, holdFor }: SessionRequest,
  ): { session: StartedSession; replaced: SessionRecord[]; left: string | null } {
    const { session } = live
    const left = session.connectionId
    session.lastSeenAt = Date.now()
    session.state = 'active'
    session.connectionId = connectionId
    session.keyHash = keyHash
    session.previousKeyHash = resumes ?? null
    session.holdFor = holdFor
    session.expiresAt = null
    this.#write(live)
    return { session: { ...recordOf(session), resumed: true }, replaced: [], left }
  }

  /** The user's sessions that have to go for no more than `room` to be left: detached ones first, the oldest first. */
  #oldest(user: UserRef, room: number): Entry[] {
    const sessions = this.#of(user)
    if (sessions.length <= room) return []
    const detached = sessions.filter(({ session }) => session.state === 'detached')
    const active = sessions.filter(({ session }) => session.state === 'active')
    return [...detached, ...active].slice(0, sessions.length - Math.max(room, 0))
  }

  #byKey(user: UserRef, hash: string): Entry | undefined {
    return this.#of(user).find(({ session }) => session.keyHash === hash || session.previousKeyHash === hash)
  }

  #of(user: UserRef): readonly Entry[] {
    return this.#users.get(userOf(user)) ?? []
  }

  #find(ref: SessionRef): Entry | undefined {
    return this.#of(ref).find(({ session }) => session.sessionId === ref.sessionId)
  }

  #isCurrent(live: Entry): boolean {
    return this.#find(live.session) === live
  }

  #put(live: Entry): void {
    this.#users.set(userOf(live.session), [...this.#of(live.session), live])
  }

  #hold(live: Entry, until: number): void {
    live.session.state = 'detached'
    live.session.connectionId = null
    live.session.expiresAt = until
    this.#deadlines.add(until, live)
  }

  #remove(live: Entry): void {
    const user = userOf(live.session)
    const others = this.#of(live.session).filter((other) => other !== live)
    if (others.length > 0) this.#users.set(user, others)
    else this.#users.delete(user)
    this.#write(live)
  }

  /** What is written is what the session is when the batch goes out: one that is over by then leaves no trace. */
  #write(live: Entry): void {
    const row = rows.session(live.session)
    this.#journal?.defer(row, (batch) => {
      if (this.#isCurrent(live)) batch.push(put(row, live.session))
      else if (live.mayBeStored) batch.push(del(row))
      live.mayBeStored = this.#isCurrent(live)
    })
  }
}
