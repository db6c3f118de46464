import { randomUUID } from 'node:crypto'
import type { NewMessage, SendResult } from '../engine.js'
import type { Clock } from '../util/clock.js'
import { contentDigest } from '../util/content-digest.js'
import type { Scheduler } from '../util/scheduler.js'
import type { ExpirySweep } from './expiry-sweep.js'
import type { GroupCommit } from './group-commit.js'
import { rows } from './rows.js'
import { put, read, readAll, type Operation, type Range, type Store } from './store.js'
import { StoredKeysFilter } from './stored-keys-filter.js'

export type StoredResult = Extract<SendResult, { outcome: 'stored' | 'repeated' }>

/** A message that is about to be written. */
export interface NewKey {
  /** The result of `digestOf`. */
  digest: string
  result: StoredResult
  /** Resolves with `result` when the message is synced. */
  synced: Promise<StoredResult>
  now: number
  expiresAt: number
}

/** The ids of recent messages with the result of each, so that a retry stores nothing twice. */
export interface IdempotencyKeys {
  /** Called once before the first send. */
  load(): Promise<void>
  /** A text that differs for another content. */
  digestOf(message: NewMessage): string
  /** The result of an earlier send with this key; undefined if there was none. */
  find(key: string, digest: string, now: number): Promise<SendResult> | undefined
  /** Adds a key, and to `operations` those that store it. */
  add(key: string, added: NewKey, operations: Operation[]): void
  /** The key's message is synced. */
  settle(key: string): void
  /** Whether the row of a key is being written. */
  isPending(key: string): boolean
}

/** The result of a send whose key was sent before. */
export const resultOf = async (
  earlier: Pick<NewKey, 'digest' | 'synced'>,
  digest: string,
): Promise<SendResult> => {
  const result = await earlier.synced
  return earlier.digest === digest ? { ...result, outcome: 'repeated' } : { outcome: 'conflict' }
}

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

export interface IdempotencyKeysOptions {
  store: Store
  commit: GroupCommit
  scheduler: Scheduler
  clock: Clock
  sweep: ExpirySweep
}

/**
 * How many index rows one step of the load reads, and how many milliseconds later the next one follows: after a restart all clients
 * connect at the same time.
 */
const LOADED_PER_STEP = 32
const LOAD_SPACING = 10

/**
 * Idempotency keys in a store. An index lists them by the time at which they expire, and a background job deletes the expired ones.
 */
export class StoredIdempotencyKeys implements IdempotencyKeys {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #scheduler: Scheduler
  readonly #clock: Clock
  readonly #sweep: ExpirySweep
  /** Sends that are not durable yet, by row. */
  readonly #pending = new Map<string, NewKey>()
  /** Rows that the next batch adds to the index, and when the last of them expires. */
  #unindexed: string[] = []
  #unindexedExpiry = 0
  readonly #filter = new StoredKeysFilter()
  /** The index rows whose keys the filter does not have yet. */
  #unloaded: Range

  constructor({ store, commit, scheduler, clock, sweep }: IdempotencyKeysOptions) {
    this.#store = store
    this.#commit = commit
    this.#scheduler = scheduler
    this.#clock = clock
    this.#sweep = sweep
    this.#unloaded = rows.expiriesFrom(clock.now())
  }

  /** Adds the keys that an earlier process stored to the filter: some of them before it resolves, the others in the background. */
  async load(): Promise<void> {
    const job = this.#scheduler.job((now) => this.#load(now))
    this.#scheduler.schedule(job, await job.run(this.#clock.now()))
  }

  digestOf(message: NewMessage): string {
    return contentDigest(message)
  }

  find(row: string, digest: string, now: number): Promise<SendResult> | undefined {
    // The filter has the pending keys too.
    if (!this.#filter.mayHave(row, now)) return undefined
    const pending = this.#pending.get(row)
    if (pending) return resultOf(pending, digest)
    const stored = read(this.#store, row) as IdempotencyRow | undefined
    if (!stored || stored[0] <= now) return undefined
    const [, storedDigest, offset, ownOffset, sentAt] = stored
    const synced = Promise.resolve({ outcome: 'repeated' as const, offset, ownOffset, sentAt })
    return resultOf({ digest: storedDigest, synced }, digest)
  }

  add(row: string, added: NewKey, operations: Operation[]): void {
    const { digest, result, now, expiresAt } = added
    this.#filter.add(row, expiresAt, now)
    this.#pending.set(row, added)
    this.#unindexed.push(row)
    this.#unindexedExpiry = Math.max(this.#unindexedExpiry, expiresAt)
    this.#sweep.schedule(expiresAt + 1)
    this.#commit.defer('idempotency index', this.#writeIndex)
    const { offset, ownOffset, sentAt } = result
    const value = textOf([expiresAt, digest, offset, ownOffset, sentAt])
    operations.push({ type: 'put', key: row, value })
  }

  settle(row: string): void {
    this.#pending.delete(row)
  }

  isPending(row: string): boolean {
    return this.#pending.has(row)
  }

  /** One step of the load. Keys that are sent meanwhile are in the filter already, wherever their index rows are. */
  async #load(now: number): Promise<number> {
    const page = await readAll<string[]>(this.#store, { ...this.#unloaded, limit: LOADED_PER_STEP })
    for (const [row, listed] of page) {
      const expiresAt = rows.timeOfExpiry(row)
      for (const key of listed) if (rows.isIdempotencyKey(key)) this.#filter.add(key, expiresAt, now)
      this.#unloaded = rows.expiriesAfter(row)
    }
    if (page.length === LOADED_PER_STEP) return now + LOAD_SPACING
    this.#filter.setLoaded()
    return Infinity
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
