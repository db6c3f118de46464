import type { SessionRef } from '../engine.js'
import type { GroupCommit } from './group-commit.js'
import { rows } from './rows.js'
import { rowOf, sessionOf, type Session, type SessionRow } from './session-row.js'
import { del, put, read, readAll, type Store } from './store.js'

/** Returns the last time that was stored while the engine was open; 0 if there is none. */
export const openAtOf = (store: Store): number => (read(store, rows.openAt) as number | undefined) ?? 0

/** How many sessions a batch has at most when all are written. The rows of a batch are made in one turn of the event loop. */
const WRITTEN_PER_STEP = 1_000

/** Writes sessions behind the state in memory, from the first `startWriting` on. */
export class SessionJournal {
  readonly #isCurrent: (session: Session) => boolean
  #commit: GroupCommit | undefined

  /** `isCurrent` returns false for a session that has ended. */
  constructor(isCurrent: (session: Session) => boolean) {
    this.#isCurrent = isCurrent
  }

  /** The stored sessions in the order of their starts. */
  async read(store: Store): Promise<Session[]> {
    const stored = await readAll<SessionRow>(store, rows.allSessions)
    const openAt = openAtOf(store)
    return stored.map(([, row]) => sessionOf(row, openAt)).toSorted((a, b) => a.number - b.number)
  }

  /** Writes every change through `commit` from now on, and these sessions in steps. Resolves when they are written. */
  async startWriting(commit: GroupCommit, sessions: Session[]): Promise<void> {
    this.#commit = commit
    for (let start = 0; start < sessions.length; start += WRITTEN_PER_STEP) {
      for (const session of sessions.slice(start, start + WRITTEN_PER_STEP)) this.write(session)
      await commit.flush()
    }
  }

  /** Deletes the rows of sessions for which `isKnown` returns false. */
  async deleteOthers(
    store: Store,
    commit: GroupCommit,
    isKnown: (ref: SessionRef) => boolean,
  ): Promise<void> {
    for (const session of await this.read(store)) {
      const row = rows.session(session)
      if (!isKnown(session)) commit.defer(row, (batch) => batch.push(del(row)))
    }
  }

  /** Writes the session as it is when the batch is sent. A session that has ended by then leaves no row. */
  write(session: Session): void {
    if (!this.#commit) return
    const row = rows.session(session)
    this.#commit.defer(row, (batch) => {
      const isCurrent = this.#isCurrent(session)
      if (isCurrent) batch.push(put(row, rowOf(session)))
      else if (session.mayBeStored) batch.push(del(row))
      session.mayBeStored = isCurrent
    })
  }

  /** Resolves when the sessions as they are now survive a crash of the process; undefined if they are not written at all. */
  flush(): Promise<void> | undefined {
    return this.#commit?.flush()
  }
}
