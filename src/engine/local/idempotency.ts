import { createHash, randomUUID } from 'node:crypto'
import type { Commit } from './group-commit.js'
import type { NewMessage, SendResult } from '../engine.js'
import { del, put, read, readAll, rows, type Operation, type Store } from './store.js'
import type { Chore, Upkeep } from '../util/scheduler.js'

/** A message that was stored. */
export type Stored = Extract<SendResult, { outcome: 'stored' | 'repeated' }>

/** A row of a sent id: until when it counts, what its content hashes to, and what was answered. */
type KeptId = [until: number, digest: string, offset: number, ownOffset: number | null, sentAt: number]

/** Ids under one row of the index by time. */
const IDS_PER_ROW = 128
/** The most rows of that index, and about the most ids, that are swept in one go. */
const ROWS_PER_SWEEP = 32
const IDS_PER_SWEEP = 256

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
export class SentIds {
  readonly #store: Store
  readonly #commit: Commit
  /** Those whose message is not yet durable, by row. */
  readonly #pending = new Map<string, { digest: string; answer: Promise<Stored> }>()
  /** Rows that the batch that is gathered now will list in the index by time, and until when the last of them counts. */
  #fresh: string[] = []
  #freshUntil = 0
  readonly #upkeep: Upkeep
  readonly #sweeping: Chore

  constructor(store: Store, commit: Commit, upkeep: Upkeep) {
    this.#store = store
    this.#commit = commit
    this.#upkeep = upkeep
    this.#sweeping = upkeep.chore((now) => this.#sweep(now))
    upkeep.want(this.#sweeping, Date.now())
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
    const kept = read(this.#store, row) as KeptId | undefined
    if (!kept || kept[0] <= now) return undefined
    const [, keptDigest, offset, ownOffset, sentAt] = kept
    return Promise.resolve(
      keptDigest === digest ? { outcome: 'repeated', offset, ownOffset, sentAt } : { outcome: 'conflict' },
    )
  }

  /** The write that makes an id count. */
  add(row: string, digest: string, sent: Stored, until: number): Operation {
    this.#fresh.push(row)
    this.#freshUntil = Math.max(this.#freshUntil, until)
    this.#upkeep.want(this.#sweeping, until + 1)
    this.#commit.later('sent ids', this.#index)
    return put(row, [until, digest, sent.offset, sent.ownOffset, sent.sentAt] satisfies KeptId)
  }

  /** Until `settled`, whoever sends the same waits for this answer. */
  wait(row: string, digest: string, answer: Promise<Stored>): void {
    this.#pending.set(row, { digest, answer })
  }

  settled(row: string): void {
    this.#pending.delete(row)
  }

  /** Takes away some of the ids that no longer count. */
  async #sweep(now: number): Promise<number> {
    const due = await readAll<string[]>(this.#store, { ...rows.sentBefore(now), limit: ROWS_PER_SWEEP })
    const gone: Operation[] = []
    for (const [index, ids] of due) {
      if (gone.length >= IDS_PER_SWEEP) break
      // One may have been sent anew since: it counts again, and stands in the index once more.
      for (const row of ids) if (this.#isOver(row, now)) gone.push(del(row))
      gone.push(del(index))
    }
    const [first] = gone
    if (!first) return this.#nextDue(now)
    this.#commit.later(`sweep ${first.key}`, (batch) => batch.push(...gone))
    // As fast as they are written and no faster: ids may be as many as messages.
    await this.#commit.passedOn()
    return now
  }

  #isOver(row: string, now: number): boolean {
    const kept = this.#pending.has(row) ? undefined : (read(this.#store, row) as KeptId | undefined)
    return kept !== undefined && kept[0] <= now
  }

  async #nextDue(now: number): Promise<number> {
    const [next] = await readAll(this.#store, { ...rows.sentFrom(now), limit: 1 })
    return next ? rows.timeOf(next[0]) + 1 : Infinity
  }

  readonly #index = (batch: Operation[]): void => {
    for (let n = 0; n < this.#fresh.length; n += IDS_PER_ROW) {
      const row = rows.sentUntil(this.#freshUntil, randomUUID())
      batch.push(put(row, this.#fresh.slice(n, n + IDS_PER_ROW)))
    }
    this.#fresh = []
    this.#freshUntil = 0
  }
}
