import type { Clock } from '../util/clock.js'
import type { Job, Scheduler } from '../util/scheduler.js'
import type { GroupCommit } from './group-commit.js'
import { rows } from './rows.js'
import { del, read, readAll, type Operation, type Store } from './store.js'

/** How many index rows, and about how many rows that these list, one step deletes at most. */
const MAX_INDEX_ROWS_PER_STEP = 32
const ROWS_PER_STEP = 256
/** Milliseconds after which the index is read again if it is empty: the revocation of a token adds to it. */
const IDLE_INTERVAL = 3_600_000

export interface ExpirySweepOptions {
  store: Store
  commit: GroupCommit
  scheduler: Scheduler
  clock: Clock
  /** Whether a row is being written again. */
  isInUse: (row: string) => boolean
}

/** Deletes the rows that the index of `rows.expiry` lists once they have expired: idempotency keys, and revoked tokens. */
export class ExpirySweep {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #scheduler: Scheduler
  readonly #isInUse: (row: string) => boolean
  readonly #job: Job
  /** How many index rows the next step reads: about as many as list the keys of a step, because a row may list 1 key or 128. */
  #indexRows = 2

  constructor({ store, commit, scheduler, clock, isInUse }: ExpirySweepOptions) {
    this.#store = store
    this.#commit = commit
    this.#scheduler = scheduler
    this.#isInUse = isInUse
    this.#job = scheduler.job((now) => this.#sweep(now))
    scheduler.schedule(this.#job, clock.now())
  }

  /** Sweeps at `at`, or earlier. */
  schedule(at: number): void {
    this.#scheduler.schedule(this.#job, at)
  }

  /** One step of the job: deletes some of the expired rows. */
  async #sweep(now: number): Promise<number> {
    const due = await readAll<string[]>(this.#store, {
      ...rows.expiriesBefore(now),
      limit: this.#indexRows,
    })
    const deletions: Operation[] = []
    let done = 0
    for (const [indexRow, listed] of due) {
      if (deletions.length >= ROWS_PER_STEP) break
      done++
      // A key that was sent again after it had expired is valid again, and a later index row lists it.
      for (const row of listed) if (this.#hasExpired(row, now)) deletions.push(del(row))
      deletions.push(del(indexRow))
    }
    if (deletions.length === 0) return this.#nextExpiry(now)
    this.#indexRows = done < due.length ? done : Math.min(2 * done, MAX_INDEX_ROWS_PER_STEP)
    // In its place among the writes: behind a later one it would delete a key that was sent again meanwhile.
    this.#commit.append(deletions)
    // The next step follows at once, because there may be as many keys as messages. It waits for this write: otherwise it would
    // read the same index rows again.
    await this.#commit.flush()
    return now
  }

  #hasExpired(row: string, now: number): boolean {
    const stored = this.#isInUse(row) ? undefined : (read(this.#store, row) as [number] | undefined)
    return stored !== undefined && stored[0] <= now
  }

  async #nextExpiry(now: number): Promise<number> {
    // Sends that came before this step did not schedule the next one, because this one was due earlier. Their index rows may not be written yet.
    await this.#commit.flush()
    const [next] = await readAll(this.#store, { ...rows.expiriesFrom(now), limit: 1 })
    return next ? rows.timeOfExpiry(next[0]) + 1 : now + IDLE_INTERVAL
  }
}
