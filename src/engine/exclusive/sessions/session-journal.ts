import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SessionRef } from '../../engine.js'
import type { GroupCommit } from '../store/group-commit.js'
import { lastOf, rows } from '../store/rows.js'
import { sessionOf, storedSessionOf, type Session, type StoredSession } from './session-row.js'
import { del, put, read, readAll, type Store } from '../store/store.js'

/** Returns the last time at which the engine is known to have been open; 0 if no time is stored. */
export const openAtOf = (store: Store): number => (read(store, rows.openAt) as number | undefined) ?? 0

/** How many sessions are read in one turn of the event loop. Each takes about 8 µs. */
const READ_PER_STEP = 256

/** Yields the rows of sessions in the order of their keys, in pages. Each page takes one turn of the event loop. */
async function* pagesOf(store: Store): AsyncGenerator<[string, StoredSession][]> {
  for (let after: string | undefined; ;) {
    const page = await readAll<StoredSession>(store, { ...rows.sessionsAfter(after), limit: READ_PER_STEP })
    yield page
    if (page.length < READ_PER_STEP) return
    after = page.at(-1)?.[0]
    await nextTurn()
  }
}

/** The most sessions in one batch of `startWriting`. The rows of a batch are made in one turn of the event loop. */
const WRITTEN_PER_STEP = 1_000

/** Writes sessions after they have changed in memory. Writes nothing until one of its methods gets a `commit`. */
export class SessionJournal {
  readonly #isCurrent: (session: Session) => boolean
  #commit: GroupCommit | undefined

  /** `isCurrent` returns false for a session that has ended. */
  constructor(isCurrent: (session: Session) => boolean) {
    this.#isCurrent = isCurrent
  }

  /** Yields the stored sessions in the order of their starts, in pages. Each page takes one turn of the event loop. */
  async *read(store: Store): AsyncGenerator<Session[]> {
    const openAt = openAtOf(store)
    const byNumber = new Map<number, Session>()
    for await (const page of pagesOf(store)) {
      for (const [row, stored] of page) {
        const session = sessionOf(lastOf(row), stored, openAt)
        byNumber.set(session.number, session)
      }
    }
    // Sorting an array of numbers is several times faster than sorting one of sessions.
    const numbers = Float64Array.from(byNumber.keys()).sort()
    for (let start = 0; start < numbers.length; start += READ_PER_STEP) {
      yield Array.from(numbers.subarray(start, start + READ_PER_STEP), (number) =>
        byNumber.get(number),
      ).filter((session) => session !== undefined)
      await nextTurn()
    }
  }

  /** Writes these sessions in steps, and resolves when they are written. From now on every change is written through `commit`. */
  async startWriting(commit: GroupCommit, sessions: Session[]): Promise<void> {
    this.#commit = commit
    for (let start = 0; start < sessions.length; start += WRITTEN_PER_STEP) {
      for (const session of sessions.slice(start, start + WRITTEN_PER_STEP)) this.write(session)
      await commit.flush()
    }
  }

  /** Deletes the rows of sessions for which `isKnown` returns false. Writes every change through `commit` from now on. */
  async deleteOthers(
    store: Store,
    commit: GroupCommit,
    isKnown: (ref: SessionRef) => boolean,
  ): Promise<void> {
    // This is set before the pages are read, so that `write` deletes the row of a session that ends meanwhile.
    this.#commit = commit
    for await (const page of pagesOf(store)) {
      for (const [row, stored] of page)
        if (!isKnown(sessionOf(lastOf(row), stored, 0))) commit.defer(row, (batch) => batch.push(del(row)))
    }
  }

  /** As `write`, but if `session` is undefined, the row of `ref` is deleted. Writes every change through `commit` from now on. */
  rewrite(ref: SessionRef, session: Session | undefined, commit: GroupCommit): void {
    this.#commit = commit
    const row = rows.session(ref)
    if (session) this.write(session)
    else commit.defer(row, (batch) => batch.push(del(row)))
  }

  /** Writes the session in the state that it has when the batch begins. If it has ended by then, its row is deleted. */
  write(session: Session): void {
    if (!this.#commit) return
    const row = rows.session(session)
    this.#commit.defer(row, (batch) => {
      const isCurrent = this.#isCurrent(session)
      if (isCurrent) batch.push(put(row, storedSessionOf(session)))
      else if (session.mayBeStored) batch.push(del(row))
      session.mayBeStored = isCurrent
    })
  }

  /**
   * Resolves when the sessions in their present state are written, so that they survive a crash of the process. Returns undefined as long
   * as sessions are not written.
   */
  flush(): Promise<void> | undefined {
    return this.#commit?.flush()
  }
}
