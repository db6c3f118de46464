import { createHash, randomUUID } from 'node:crypto'
import type { GroupCommit } from './group-commit.js'
import type { NewMessage, SendResult } from '../engine.js'
import { del, put, read, readAll, rows, type Operation, type Store } from './store.js'
import type { Job, Scheduler } from '../util/scheduler.js'

/** A message that was stored. */
export type StoredResult = Extract<SendResult, { outcome: 'stored' | 'repeated' }>

/** A row of a sent id: until when it counts, what its content hashes to, and what was answered. */
type IdempotencyRow = [
  until: number,
  digest: string,
  offset: number,
  ownOffset: number | null,
  sentAt: number,
]

/** Ids under one row of the index by time. */
const KEYS_PER_INDEX_ROW = 128
/** The most rows of that index, and about the most ids, that are swept in one go. */
const INDEX_ROWS_PER_STEP = 32
const KEYS_PER_STEP = 256

/** The same for the same content, however its keys were ordered. */
export const digestOf = ({ body, data }: NewMessage): string => {
  const sorted = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  const canonical = data === undefined ? JSON.stringify([body]) : JSON.stringify([body, data], sorted)
  return createHash('sha256').update(canonical).digest('base64url')
}

/** The ids that make a retry safe: which were used lately, for what, and what was answered. */
export class IdempotencyKeys {
  readonly #store: Store
  readonly #commit: GroupCommit
  /** Those whose message is not yet durable, by row. */
  readonly #pending = new Map<string, { digest: string; answer: Promise<StoredResult> }>()
  /** Rows that the batch that is gathered now will list in the index by time, and until when the last of them counts. */
  #unindexed: string[] = []
  #unindexedExpiry = 0
  readonly #scheduler: Scheduler
  readonly #job: Job

  constructor(store: Store, commit: GroupCommit, upkeep: Scheduler) {
    this.#store = store
    this.#commit = commit
    this.#scheduler = upkeep
    this.#job = upkeep.job((now) => this.#sweep(now))
    upkeep.schedule(this.#job, Date.now())
  }

  /** The answer to a message that was sent already; undefined for a new one. */
  find(row: string, digest: string, now: number): Promise<SendResult> | undefined {
    const pending = this.#pending.get(row)
    if (pending) {
      const same = pending.digest === digest
      return pending.answer.then((sent) =>
        same ? { ...sent, outcome: 'repeated' } : { outcome: 'conflict' },
      )
    }
    const kept = read(this.#store, row) as IdempotencyRow | undefined
    if (!kept || kept[0] <= now) return undefined
    const [, keptDigest, offset, ownOffset, sentAt] = kept
    return Promise.resolve(
      keptDigest === digest ? { outcome: 'repeated', offset, ownOffset, sentAt } : { outcome: 'conflict' },
    )
  }

  /** The write that makes an id count. */
  add(row: string, digest: string, sent: StoredResult, until: number): Operation {
    this.#unindexed.push(row)
    this.#unindexedExpiry = Math.max(this.#unindexedExpiry, until)
    this.#scheduler.schedule(this.#job, until + 1)
    this.#commit.defer('sent ids', this.#writeIndex)
    return put(row, [until, digest, sent.offset, sent.ownOffset, sent.sentAt] satisfies IdempotencyRow)
  }

  /** Until `settled`, whoever sends the same waits for this answer. */
  addPending(row: string, digest: string, answer: Promise<StoredResult>): void {
    this.#pending.set(row, { digest, answer })
  }

  removePending(row: string): void {
    this.#pending.delete(row)
  }

  /** Takes away some of the ids that no longer count. */
  async #sweep(now: number): Promise<number> {
    const due = await readAll<string[]>(this.#store, { ...rows.sentBefore(now), limit: INDEX_ROWS_PER_STEP })
    const gone: Operation[] = []
    for (const [index, ids] of due) {
      if (gone.length >= KEYS_PER_STEP) break
      // One may have been sent anew since: it counts again, and stands in the index once more.
      for (const row of ids) if (this.#hasExpired(row, now)) gone.push(del(row))
      gone.push(del(index))
    }
    const [first] = gone
    if (!first) return this.#nextDue(now)
    this.#commit.defer(`sweep ${first.key}`, (batch) => batch.push(...gone))
    // As fast as they are written and no faster: ids may be as many as messages.
    await this.#commit.flush()
    return now
  }

  #hasExpired(row: string, now: number): boolean {
    const kept = this.#pending.has(row) ? undefined : (read(this.#store, row) as IdempotencyRow | undefined)
    return kept !== undefined && kept[0] <= now
  }

  async #nextDue(now: number): Promise<number> {
    const [next] = await readAll(this.#store, { ...rows.sentFrom(now), limit: 1 })
    return next ? rows.timeOf(next[0]) + 1 : Infinity
  }

  readonly #writeIndex = (batch: Operation[]): void => {
    for (let n = 0; n < this.#unindexed.length; n += KEYS_PER_INDEX_ROW) {
      const row = rows.sentUntil(this.#unindexedExpiry, randomUUID())
      batch.push(put(row, this.#unindexed.slice(n, n + KEYS_PER_INDEX_ROW)))
    }
    this.#unindexed = []
    this.#unindexedExpiry = 0
  }
}
