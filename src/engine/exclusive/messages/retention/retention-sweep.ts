import type { Retention } from '../../../engine.js'
import type { Job } from '../../../../util/scheduler.js'
import { expirySearchInterval } from '../../../rules.js'
import { mayHaveExpired, type StoredInbox } from '../inbox-row.js'
import type { InboxTable } from '../inbox-table.js'
import type { Core } from '../../store/core.js'
import { lastOf, rows } from '../../store/rows.js'
import type { Operation } from '../../store/store.js'
import type { Deletions } from './deletions.js'

/** A step reads at most `INBOXES_PER_STEP` inboxes. It ends earlier if it has `MAX_DELETIONS_PER_STEP` deletions or more. */
const INBOXES_PER_STEP = 32
const MAX_DELETIONS_PER_STEP = 256
/**
 * Milliseconds until the next step: `STEP_DELAY` from the beginning of a step that has finished all its inboxes, `RESUME_DELAY` from the
 * end of a step that has not.
 */
const STEP_DELAY = 100
const RESUME_DELAY = 20

/** The state of a sweep, which goes through all inboxes of an app. */
interface Sweep {
  retention: Retention
  /** The row of the last inbox that the sweep has finished or could not read; undefined before the first one. */
  after: string | undefined
  job: Job
}

/** Deletes the expired messages of apps in the background, inbox by inbox. */
export class RetentionSweep {
  readonly #core: Core
  readonly #table: InboxTable
  readonly #deletions: Deletions
  readonly #sweeps = new Map<string, Sweep>()

  constructor(core: Core, table: InboxTable, deletions: Deletions) {
    this.#core = core
    this.#table = table
    this.#deletions = deletions
  }

  /** Sets the app's retention, and starts a sweep of its inboxes if the age has changed. */
  retain(appId: string, retention: Retention): void {
    const known = this.#sweeps.get(appId)
    if (known?.retention.age === retention.age) {
      known.retention = retention
      return
    }
    const { scheduler, clock } = this.#core
    const job = known?.job ?? scheduler.job((now) => this.#step(appId, now))
    this.#sweeps.set(appId, { retention, after: undefined, job })
    scheduler.schedule(job, clock.now())
  }

  /** The retention of each app, as far as it is known. */
  get retentions(): [appId: string, Retention][] {
    return [...this.#sweeps].map(([appId, { retention }]) => [appId, retention])
  }

  /** Returns the app's retention; undefined if it was never set. */
  retentionOf(appId: string): Retention | undefined {
    return this.#sweeps.get(appId)?.retention
  }

  /** Reads the app's next inboxes and deletes their expired messages. */
  async #step(appId: string, now: number): Promise<number> {
    const sweep = this.#sweeps.get(appId)
    if (!sweep) return Infinity
    const { reads, commit, clock } = this.#core
    const { retention } = sweep
    const range = { ...rows.inboxesAfter(appId, sweep.after), limit: INBOXES_PER_STEP }
    const found = await reads.all<StoredInbox>(range)
    const operations: Operation[] = []
    let done = 0
    try {
      for (const [row, stored] of found) {
        if (operations.length >= MAX_DELETIONS_PER_STEP) break
        const { after } = sweep
        // If this inbox can't be read, the next step continues behind it. Otherwise one damaged row would end the sweep.
        sweep.after = row
        if (mayHaveExpired(stored, retention, now)) {
          const inbox = this.#table.open({ appId, userId: lastOf(row) })
          if (inbox.hasExpired(now, retention)) this.#deletions.add(inbox, retention, now, true, operations)
          if (inbox.hasExpired(now, retention)) {
            // More messages have expired than one call deletes: the next step continues with this inbox.
            sweep.after = after
            break
          }
        }
        done++
      }
    } finally {
      // If an inbox can't be read, the deletions of those before it are written all the same: these messages already count as deleted.
      commit.append(operations)
      await commit.flush()
    }
    if (done === INBOXES_PER_STEP) return now + STEP_DELAY
    if (done < found.length) return clock.now() + RESUME_DELAY
    sweep.after = undefined
    return now + expirySearchInterval(retention.age)
  }
}
