import { randomUUID } from 'node:crypto'
import type { Commit } from './commit.js'
import type { SessionRecord, SessionRef, SessionRequest, UserRef } from './engine.js'
import { del, keyOf, put, rows } from './store.js'

const userOf = ({ appId, userId }: UserRef): string => keyOf(appId, userId)

/** The live sessions. What counts is in memory; the store is written behind it, without waiting. */
export class Sessions {
  readonly #commit: Commit
  /** By user, then by session id; a Map keeps the order in which they started. */
  readonly #live = new Map<string, Map<string, SessionRecord>>()

  constructor(commit: Commit) {
    this.#commit = commit
  }

  of(user: UserRef): SessionRecord[] {
    return Array.from(this.#live.get(userOf(user))?.values() ?? [], (session) => ({ ...session }))
  }

  /** Starts a session; `replaced` are those that made room for it, oldest first. */
  start({ appId, userId, guest, sessionsPerUser }: SessionRequest): {
    session: SessionRecord
    replaced: SessionRecord[]
  } {
    const session = { appId, userId, sessionId: randomUUID(), guest, startedAt: Date.now() }
    const user = userOf(session)
    const live = this.#live.get(user) ?? new Map<string, SessionRecord>()
    const replaced = [...live.values()].slice(0, Math.max(0, live.size + 1 - sessionsPerUser))
    // First, since it throws when nothing is written any more: memory must not say what the store never will.
    this.#commit.soon([...replaced.map((old) => del(rows.session(old))), put(rows.session(session), session)])
    for (const { sessionId } of replaced) live.delete(sessionId)
    this.#live.set(user, live.set(session.sessionId, session))
    return { session: { ...session }, replaced }
  }

  /** The session that ended; undefined when there was none. */
  end(session: SessionRef): SessionRecord | undefined {
    const user = userOf(session)
    const live = this.#live.get(user)
    const ended = live?.get(session.sessionId)
    if (!live || !ended) return undefined
    this.#commit.soon([del(rows.session(session))])
    live.delete(session.sessionId)
    if (live.size === 0) this.#live.delete(user)
    return ended
  }
}
