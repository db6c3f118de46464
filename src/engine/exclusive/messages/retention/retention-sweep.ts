import type { Retention, UserRef } from '../../../engine.js'
import type { Clock } from '../../../../util/clock.js'
import type { Job, Scheduler } from '../../../../util/scheduler.js'
import { expirySearchInterval } from '../../../rules.js'
import type { Inbox } from '../inbox.js'
import { mayHaveExpired, type StoredInbox } from '../inbox-row.js'
import { lastOf, rows } from '../../store/rows.js'
import { readAll, type Operation, type Store } from '../../store/store.js'

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

/** The inboxes that a sweep reads and changes. */
export interface SweptInboxes {
  open(of: UserRef): Inbox
  /** Adds operations that delete those messages of an inbox that are not retained. */
  deleteUnretained(inbox: Inbox, retention: Retention, now: number, operations: Operation[]): void
  /** Resolves when the operations are written. */
  write(operations: Operation[]): Promise<void>
}

/** Deletes the expired messages of apps in the background, inbox by inbox. */
export class RetentionSweep {
  readonly #store: Store
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  readonly #inboxes: SweptInboxes
  readonly #sweeps = new Map<string, Sweep>()

  constructor(store: Store, clock: Clock, scheduler: Scheduler, inboxes: SweptInboxes) {
    this.#store = store
    this.#clock = clock
    this.#scheduler = scheduler
    this.#inboxes = inboxes
  }

  /** Sets the app's retention, and starts a sweep of its inboxes if the age has changed. */
  retain(appId: string, retention: Retention): void {
    const known = this.#sweeps.get(appId)
    if (known?.retention.age === retention.age) {
      known.retention = retention
      return
    }
    const job = known?.job ?? this.#scheduler.job((now) => this.#step(appId, now))
    this.#sweeps.set(appId, { retention, after: undefined, job })
    this.#scheduler.schedule(job, this.#clock.now())
  }

  get appIds(): Iterable<string> {
    return this.#sweeps.keys()
  }

  /** Returns the app's retention; undefined if it was never set. */
  retentionOf(appId: string): Retention | undefined {
    return this.#sweeps.get(appId)?.retention
  }

  /** Takes over the retention of every app from `other`. */
  adopt(other: RetentionSweep): void {
    for (const [appId, { retention }] of other.#sweeps) this.retain(appId, retention)
  }

  /** Reads the app's next inboxes and deletes their expired messages. */
  async #step(appId: string, now: number): Promise<number> {
    const sweep = this.#sweeps.get(appId)
    if (!sweep) return Infinity
    const { retention } = sweep
    const range = { ...rows.inboxesAfter(appId, sweep.after), limit: INBOXES_PER_STEP }
    const found = await readAll<StoredInbox>(this.#store, range)
    const operations: Operation[] = []
    let done = 0
    try {
      for (const [row, stored] of found) {
        if (operations.length >= MAX_DELETIONS_PER_STEP) break
        const { after } = sweep
        // If this inbox can't be read, the next step continues behind it. Otherwise one damaged row would end the sweep.
        sweep.after = row
        if (mayHaveExpired(stored, retention, now)) {
          const inbox = this.#inboxes.open({ appId, userId: lastOf(row) })
          if (inbox.hasExpired(now, retention))
            this.#inboxes.deleteUnretained(inbox, retention, now, operations)
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
      if (operations.length > 0) await this.#inboxes.write(operations)
    }
    if (done === INBOXES_PER_STEP) return now + STEP_DELAY
    if (done < found.length) return this.#clock.now() + RESUME_DELAY
    sweep.after = undefined
    return now + expirySearchInterval(retention.age)
  }
}
