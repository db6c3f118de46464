import type { Clock } from '../../../../util/clock.js'
import type { Job, Scheduler } from '../../../../util/scheduler.js'
import type { GroupCommit } from '../../store/group-commit.js'
import { deletionsOf } from '../message-operations.js'
import type { Reads } from '../../store/reads.js'
import { rows, type InboxRef } from '../../store/rows.js'
import { del, put, type Operation, type Store } from '../../store/store.js'
import type { SenderShares } from '../sends/sender-shares.js'
import { bytesBySender } from '../tally.js'

/** The messages of a deleted inbox that are still stored: their offsets begin at `from` and end before `to`. */
type PurgeRow = [from: number, to: number]

/** The most inboxes that one run of the job reads, and the most messages that it deletes. */
const INBOXES_PER_STEP = 32
const DELETIONS_PER_STEP = 512

interface InboxPurgeOptions {
  store: Store
  reads: Reads
  commit: GroupCommit
  scheduler: Scheduler
  clock: Clock
  shares: SenderShares
}

/** The most marks of peers that one run of the job reads for one inbox. */
const MARKS_PER_STEP = 512

/** Deletes the messages and marks of deleted inboxes in the background, and goes on after a crash. */
export class InboxPurge {
  readonly #options: InboxPurgeOptions
  readonly #job: Job

  constructor(options: InboxPurgeOptions) {
    this.#options = options
    this.#job = options.scheduler.job(() => this.#step())
    this.#schedule()
  }

  /** Schedules the job. Returns the operations that tell it to delete the inbox's marks, and the messages from `from` to `to - 1`. */
  add(inbox: InboxRef, from: number, to: number): Operation[] {
    this.#schedule()
    return [put(rows.deletedInbox(inbox), [from, to] satisfies PurgeRow)]
  }

  #schedule(): void {
    const { scheduler, clock } = this.#options
    scheduler.schedule(this.#job, clock.now())
  }

  async #step(): Promise<number> {
    const { store, reads, commit, clock, shares } = this.#options
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
    for (const [appId, bytes] of freed) shares.free(appId, bytes)
    commit.append(operations)
    await commit.flush()
    return clock.now()
  }
}
