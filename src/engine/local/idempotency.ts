import { randomUUID } from 'node:crypto'
import type { SendResult } from '../engine.js'
import type { Clock } from '../util/clock.js'
import type { Job, Scheduler } from '../util/scheduler.js'
import type { GroupCommit } from './group-commit.js'
import { rows } from './rows.js'
import { del, put, read, readAll, type Operation, type Range, type Store } from './store.js'
import { StoredKeysFilter } from './stored-keys-filter.js'

export type StoredResult = Extract<SendResult, { outcome: 'stored' | 'repeated' }>

export type IdempotencyRow = [
  expiresAt: number,
  digest: string,
  offset: number,
  ownOffset: number | null,
  sentAt: number,
]

/** The row as JSON, in a third of the time of `JSON.stringify`. A digest is in base64url. */
const textOf = ([expiresAt, digest, offset, ownOffset, sentAt]: IdempotencyRow): string =>
  `[${expiresAt},"${digest}",${offset},${ownOffset},${sentAt}]`

export const KEYS_PER_INDEX_ROW = 128
/** How many index rows, and about how many keys, one step of the sweep deletes at most. */
const MAX_INDEX_ROWS_PER_STEP = 32
const KEYS_PER_STEP = 256

export interface IdempotencyKeysOptions {
  store: Store
  commit: GroupCommit
  scheduler: Scheduler
  clock: Clock
  /** Whether the store is on a disk. In memory a look-up costs no more than the filter. */
  isPersistent: boolean
}

/**
 * How many index rows one step of the load reads, and how many milliseconds later the next one follows: after a restart all clients
 * connect at the same time.
 */
const LOADED_PER_STEP = 32
const LOAD_SPACING = 10

/**
 * The ids of recent messages with the result of each, so that a retry stores nothing twice. An index lists them by the
 * time at which they expire, and a background job deletes the expired ones.
 */
export class IdempotencyKeys {
  readonly #store: Store
  readonly #commit: GroupCommit
  /** Sends that are not durable yet, by row. */
  readonly #pending = new Map<string, { digest: string; result: Promise<StoredResult> }>()
  /** Rows that the next batch adds to the index, and when the last of them expires. */
  #unindexed: string[] = []
  #unindexedExpiry = 0
  /** Null if the store is not persistent. */
  readonly #filter: StoredKeysFilter | null
  /** The index rows whose keys the filter does not have yet. */
  #unloaded: Range
  readonly #scheduler: Scheduler
  readonly #clock: Clock
  readonly #job: Job
  /** How many index rows the next step reads: about as many as list the keys of a step, because a row may list 1 key or 128. */
  #indexRows = 2

  constructor({ store, commit, scheduler, clock, isPersistent }: IdempotencyKeysOptions) {
    this.#store = store
    this.#commit = commit
    this.#scheduler = scheduler
    this.#clock = clock
    this.#filter = isPersistent ? new StoredKeysFilter() : null
    this.#unloaded = rows.expiriesFrom(clock.now())
    this.#job = scheduler.job((now) => this.#sweep(now))
    scheduler.schedule(this.#job, clock.now())
  }

  /** Adds the keys that an earlier process stored to the filter: some of them before it resolves, the others in the background. */
  async load(): Promise<void> {
    const filter = this.#filter
    if (!filter) return
    const job = this.#scheduler.job((now) => this.#load(filter, now))
    this.#scheduler.schedule(job, await job.run(this.#clock.now()))
  }

  /** The result of an earlier send with this key; undefined if there was none. */
  find(row: string, digest: string, now: number): Promise<SendResult> | undefined {
    const pending = this.#pending.get(row)
    if (pending) {
      const isSame = pending.digest === digest
      return pending.result.then((result) =>
        isSame ? { ...result, outcome: 'repeated' } : { outcome: 'conflict' },
      )
    }
    if (this.#filter?.mayHave(row, now) === false) return undefined
    const stored = read(this.#store, row) as IdempotencyRow | undefined
    if (!stored || stored[0] <= now) return undefined
    const [, storedDigest, offset, ownOffset, sentAt] = stored
    return Promise.resolve(
      storedDigest === digest ? { outcome: 'repeated', offset, ownOffset, sentAt } : { outcome: 'conflict' },
    )
  }

  /** Returns the operation that stores a key, and adds the key to the index. */
  add(row: string, digest: string, result: StoredResult, now: number, expiresAt: number): Operation {
    this.#filter?.add(row, expiresAt, now)
    this.#unindexed.push(row)
    this.#unindexedExpiry = Math.max(this.#unindexedExpiry, expiresAt)
    this.#scheduler.schedule(this.#job, expiresAt + 1)
    this.#commit.defer('idempotency index', this.#writeIndex)
    return {
      type: 'put',
      key: row,
      value: textOf([expiresAt, digest, result.offset, result.ownOffset, result.sentAt]),
    }
  }

  /** Until `removePending`, a retry waits for this result. */
  addPending(row: string, digest: string, result: Promise<StoredResult>): void {
    this.#pending.set(row, { digest, result })
  }

  removePending(row: string): void {
    this.#pending.delete(row)
  }

  /** One step of the load. Keys that are sent meanwhile are in the filter already, wherever their index rows are. */
  async #load(filter: StoredKeysFilter, now: number): Promise<number> {
    const page = await readAll<string[]>(this.#store, { ...this.#unloaded, limit: LOADED_PER_STEP })
    for (const [row, listed] of page) {
      const expiresAt = rows.timeOfExpiry(row)
      for (const key of listed) if (rows.isIdempotencyKey(key)) filter.add(key, expiresAt, now)
      this.#unloaded = rows.expiriesAfter(row)
    }
    if (page.length === LOADED_PER_STEP) return now + LOAD_SPACING
    filter.setLoaded()
    return Infinity
  }

  /** One step of the job: deletes some of the expired keys. */
  async #sweep(now: number): Promise<number> {
    const due = await readAll<string[]>(this.#store, {
      ...rows.expiriesBefore(now),
      limit: this.#indexRows,
    })
    const deletions: Operation[] = []
    let done = 0
    for (const [indexRow, keys] of due) {
      if (deletions.length >= KEYS_PER_STEP) break
      done++
      // A key that was sent again after it had expired is valid again, and a later index row lists it.
      for (const row of keys) if (this.#hasExpired(row, now)) deletions.push(del(row))
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
    const stored = this.#pending.has(row) ? undefined : (read(this.#store, row) as IdempotencyRow | undefined)
    return stored !== undefined && stored[0] <= now
  }

  async #nextExpiry(now: number): Promise<number> {
    // Sends that came before this step did not schedule the next one, because this one was due earlier. Their index rows may not be written yet.
    await this.#commit.flush()
    const [next] = await readAll(this.#store, { ...rows.expiriesFrom(now), limit: 1 })
    return next ? rows.timeOfExpiry(next[0]) + 1 : Infinity
  }

  readonly #writeIndex = (batch: Operation[]): void => {
    for (let n = 0; n < this.#unindexed.length; n += KEYS_PER_INDEX_ROW) {
      const row = rows.expiry(this.#unindexedExpiry, randomUUID())
      batch.push(put(row, this.#unindexed.slice(n, n + KEYS_PER_INDEX_ROW)))
    }
    this.#unindexed = []
    this.#unindexedExpiry = 0
  }
}
