import type { Job } from '../../../../util/scheduler.js'
import { deletionsOf } from '../message-operations.js'
import type { Core } from '../../store/core.js'
import { rows, type InboxRef } from '../../store/rows.js'
import { del, put, type Operation } from '../../store/store.js'
import type { SenderShares } from '../sends/sender-shares.js'
import { bytesBySender } from '../tally.js'

/** The messages of a deleted inbox that are still stored: their offsets begin at `from` and end before `to`. */
type PurgeRow = [from: number, to: number]

/** The most inboxes that one run of the job reads, and the most messages that it deletes. */
const INBOXES_PER_STEP = 32
const DELETIONS_PER_STEP = 512

/** The most marks of peers that one run of the job reads for one inbox. */
const MARKS_PER_STEP = 512

/** Deletes the messages and marks of deleted inboxes in the background, and goes on after a crash. */
export class InboxPurge {
  readonly #core: Core
  readonly #shares: SenderShares
  readonly #job: Job

  constructor(core: Core, shares: SenderShares) {
    this.#core = core
    this.#shares = shares
    this.#job = core.scheduler.job(() => this.#step())
    this.#schedule()
  }

  /** Schedules the job. Returns the operations that tell it to delete the inbox's marks, and the messages from `from` to `to - 1`. */
  add(inbox: InboxRef, from: number, to: number): Operation[] {
    this.#schedule()
    return [put(rows.deletedInbox(inbox), [from, to] satisfies PurgeRow)]
  }

  #schedule(): void {
    const { scheduler, clock } = this.#core
    scheduler.schedule(this.#job, clock.now())
  }

  async #step(): Promise<number> {
    const { store, reads, commit, clock } = this.#core
    await commit.flush()
    const found = await reads.all<PurgeRow>({ ...rows.allDeletedInboxes, limit: INBOXES_PER_STEP })
    if (found.length === 0) return Infinity
    const operations: Operation[] = []
    const freed: [appId: string, bytesBySender: Map<string, number>][] = []
    const failures: unknown[] = []
    for (const [row, [from, to]] of found) {
      const end = Math.min(to, from + DELETIONS_PER_STEP - operations.length)
      const inbox = rows.deletedInboxOf(row)
      try {
        const bytes = bytesBySender(store, inbox, from, end)
        const marks = await reads.all({ ...rows.peerMarks(inbox), limit: MARKS_PER_STEP })
        freed.push([inbox.appId, bytes])
        operations.push(...deletionsOf(inbox, from, end))
        for (const [mark] of marks) operations.push(del(mark))
        const isUnfinished = end < to || marks.length === MARKS_PER_STEP
        operations.push(isUnfinished ? put(row, [end, to] satisfies PurgeRow) : del(row))
      } catch (error) {
        // This inbox can't be read. The others are deleted all the same.
        failures.push(error)
      }
      if (operations.length >= DELETIONS_PER_STEP) break
    }
    if (failures.length === found.length) throw failures[0]
    // Both follow in one task, so that one batch writes both: while the loop reads marks, a batch may begin.
    for (const [appId, bytes] of freed) this.#shares.free(appId, bytes)
    commit.append(operations)
    await commit.flush()
    return clock.now()
  }
}
