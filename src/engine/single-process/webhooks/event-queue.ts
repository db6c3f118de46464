import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../../../protocol/index.js'
import type {
  DeliveryOutcome,
  EngineEvent,
  PendingEvent,
  PendingEventPage,
  UserRef,
  WebhookEvent,
  WebhookEventType,
  WebhookQueue,
} from '../../engine.js'
import type { Clock } from '../../../util/clock.js'
import { KeyedMutex } from '../../../util/keyed-mutex.js'
import { LruCache } from '../../../util/lru-cache.js'
import type { Job, Scheduler } from '../../../util/scheduler.js'
import { engineRules } from '../../rules.js'
import { EventCounts } from './event-counts.js'
import type { GroupCommit } from '../store/group-commit.js'
import type { Reads } from '../store/reads.js'
import { rows } from '../store/rows.js'
import { del, put, read, type Operation, type Store } from '../store/store.js'

/** How many users' queues are kept in memory. */
const MAX_CACHED = 10_000
const ID_BYTES = 12

/** An event to add. */
export interface NewEvent extends UserRef {
  type: WebhookEventType
  at: number
  data: JsonObject
}

export interface EventRow {
  event: WebhookEvent
  attempts: number
  lastError: string | null
}

/** The pending events of a user. Times are by the engine's clock. */
interface UserQueue {
  readonly of: UserRef
  /** The oldest pending event; 0 if there is none. */
  first: number
  last: number
  /** The number of the opening in which `dueAt` was set. */
  run: number
  dueAt: number
  /** The number of the batch that the last change goes into. */
  batch: number
}

export type QueueRow = [first: number, last: number, run: number, dueAt: number]

export interface EventQueueOptions {
  store: Store
  reads: Reads
  commit: GroupCommit
  clock: Clock
  scheduler: Scheduler
  emit: (event: EngineEvent) => void
}

/** Returns the number in an event's id. If the event was transferred from a Redis, its partition stands before the number. */
export const seqOf = (eventId: string): number => Number(/^evt_(?:\d+_)?(\d+)_/.exec(eventId)?.[1] ?? 0)

/**
 * Stores the pending webhook events. The row of an event has its number in the key. A second row for each user with pending events has the
 * time in its key at which the oldest of these events is due. Each of the user's other pending events has a row that says that it waits.
 */
export class EventQueue implements WebhookQueue {
  readonly #store: Store
  readonly #reads: Reads
  readonly #commit: GroupCommit
  readonly #clock: Clock
  readonly #scheduler: Scheduler
  /** The number of this opening of the store. Events that an earlier opening left are due at once. */
  readonly #run: number
  #isRunStored = false
  readonly #emit: (event: EngineEvent) => void
  readonly #counts: EventCounts
  /** The jobs that emit `webhooks-due`, by app. */
  readonly #jobs = new Map<string, Job>()
  readonly #users = new LruCache<UserQueue>({
    max: MAX_CACHED,
    isInUse: ({ batch }) => batch > this.#commit.lastWritten,
  })
  readonly #mutex = new KeyedMutex()

  constructor({ store, reads, commit, clock, scheduler, emit }: EventQueueOptions) {
    this.#store = store
    this.#reads = reads
    this.#commit = commit
    this.#counts = new EventCounts(store, commit)
    this.#clock = clock
    this.#scheduler = scheduler
    this.#run = ((read(store, rows.run) as number | undefined) ?? 0) + 1
    this.#emit = emit
  }

  /** Emits `webhooks-due` for pending events. */
  resume(appId: string): void {
    this.#scheduler.schedule(this.#job(appId), this.#clock.now())
  }

  /** Returns the id of a new event, and the operations that store it. The next batch must write these operations. */
  add({ appId, userId, type, at, data }: NewEvent): { id: string; operations: Operation[] } {
    const queue = this.#queue({ appId, userId })
    const seq = this.#counts.next(appId)
    const id = `evt_${seq}_${randomBytes(ID_BYTES).toString('hex')}`
    const event: WebhookEvent = { id, type, seq, at, appId, userId, data }
    const operations = [
      put(rows.pendingEvent(appId, seq), { event, attempts: 0, lastError: null } satisfies EventRow),
    ]
    if (queue.first > 0) operations.push(put(rows.waitingEvent(queue.of, seq), 1))
    queue.last = seq
    if (queue.first === 0) this.#setFirst(queue, seq, operations)
    else this.#writeQueue(queue, operations)
    return { id, operations }
  }

  /** Whether the event with this id is stored. */
  has(appId: string, eventId: string): boolean {
    const seq = seqOf(eventId)
    return [rows.pendingEvent(appId, seq), rows.failedEvent(appId, seq)].some(
      (row) => (read(this.#store, row) as EventRow | undefined)?.event.id === eventId,
    )
  }

  async takeDueEvents(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]> {
    await this.#commit.flush()
    const now = this.#clock.now()
    const due = await this.#reads.all({ ...rows.dueEventsUntil(appId, this.#run, now), limit })
    const taken: PendingEvent[] = []
    const operations: Operation[] = []
    for (const [row] of due) {
      const { run, dueAt, userId } = rows.dueEventOf(row)
      const queue = this.#queue({ appId, userId })
      // Another call may have changed the queue while the rows were read.
      if (queue.first === 0 || queue.run !== run || queue.dueAt !== dueAt) continue
      const stored = this.#event(appId, queue.first)
      if (!stored) continue
      this.#setDue(queue, now + leaseFor, operations)
      taken.push(this.#pending(stored, now))
    }
    this.#write(operations)
    return taken
  }

  endDelivery(appId: string, userId: string, eventId: string, outcome: DeliveryOutcome): Promise<void> {
    const of = { appId, userId }
    return this.#mutex.run(rows.eventQueue(of), async () => {
      const seq = seqOf(eventId)
      const stored = this.#event(appId, seq)
      if (this.#queue(of).first !== seq || stored?.event.id !== eventId) return
      if ('retryAfter' in outcome) {
        const { retryAfter, error } = outcome
        const row = { ...stored, attempts: stored.attempts + 1, lastError: error }
        const operations = [put(rows.pendingEvent(appId, seq), row satisfies EventRow)]
        this.#setDue(this.#queue(of), this.#clock.now() + Math.max(0, retryAfter), operations)
        return this.#write(operations)
      }
      const operations = [del(rows.pendingEvent(appId, seq))]
      let failed = 0
      if ('failed' in outcome) {
        const row = { ...stored, attempts: stored.attempts + 1, lastError: outcome.failed }
        operations.push(put(rows.failedEvent(appId, seq), row satisfies EventRow))
        const beyond = await this.#failedBeyond(appId)
        for (const old of beyond) operations.push(del(old))
        failed = 1 - beyond.length
      }
      let next: number | undefined
      // Another event may be added while the next one is read.
      while (this.#queue(of).last !== seq && next === undefined) next = await this.#next(of, seq)
      const queue = this.#queue(of)
      if (next === undefined) this.#clear(queue, operations)
      else {
        operations.push(del(rows.waitingEvent(of, next)))
        this.#setFirst(queue, next, operations)
      }
      this.#counts.add(appId, { pending: -1, failed })
      this.#write(operations)
    })
  }

  async pendingEvents(appId: string, after: string | null, limit: number): Promise<PendingEventPage> {
    await this.#commit.flush()
    const seq = after === null ? null : Number(after)
    const [pending, failed] = await Promise.all([
      this.#reads.all<EventRow>({ ...rows.pendingEventsAfter(appId, seq), limit: limit + 1 }),
      this.#reads.all<EventRow>({ ...rows.failedEventsAfter(appId, seq), limit: limit + 1 }),
    ])
    const now = Date.now()
    const all = [
      ...pending.map(([, row]) => this.#pending(row, this.#dueAtOf(row.event))),
      ...failed.map(([, row]): PendingEvent => ({ ...row, dueAt: now, state: 'failed' })),
    ].toSorted((a, b) => a.event.seq - b.event.seq)
    const events = all.slice(0, limit)
    const last = events.at(-1)
    return { events, next: last && all.length > limit ? String(last.event.seq) : null }
  }

  replayEvent(appId: string, userId: string, eventId: string): Promise<boolean> {
    const of = { appId, userId }
    return this.#mutex.run(rows.eventQueue(of), async () => {
      await this.#commit.flush()
      const seq = seqOf(eventId)
      const failedRow = rows.failedEvent(appId, seq)
      const stored = read(this.#store, failedRow) as EventRow | undefined
      if (stored?.event.id !== eventId || stored.event.userId !== userId) return false
      const row: EventRow = { ...stored, attempts: 0, lastError: null }
      const operations = [del(failedRow), put(rows.pendingEvent(appId, seq), row)]
      this.#counts.add(appId, { failed: -1, pending: 1 })
      const queue = this.#queue(of)
      const { first } = queue
      queue.last = Math.max(queue.last, seq)
      if (first === 0 || seq < first) {
        if (first > 0) operations.push(put(rows.waitingEvent(of, first), 1))
        this.#setFirst(queue, seq, operations)
      } else {
        operations.push(put(rows.waitingEvent(of, seq), 1))
        this.#writeQueue(queue, operations)
      }
      this.#write(operations)
      await this.#commit.flush()
      return true
    })
  }

  async pendingSummary(appId: string): Promise<{ pending: number; oldestAt: number | null }> {
    await this.#commit.flush()
    const [oldest] = await this.#reads.all<EventRow>({ ...rows.pendingEventsAfter(appId, null), limit: 1 })
    return { pending: this.#counts.of(appId).pending, oldestAt: oldest?.[1].event.at ?? null }
  }

  /** Resolves when every call so far has ended. */
  async idle(): Promise<void> {
    await this.#mutex.idle()
  }

  #job(appId: string): Job {
    let job = this.#jobs.get(appId)
    if (!job) this.#jobs.set(appId, (job = this.#scheduler.job((now) => this.#announce(appId, now))))
    return job
  }

  #queue({ appId, userId }: UserRef): UserQueue {
    const of = { appId, userId }
    const row = rows.eventQueue(of)
    const cached = this.#users.get(row)
    if (cached) return cached
    const stored = read(this.#store, row) as QueueRow | undefined
    const [first, last, run, dueAt] = stored ?? [0, 0, 0, 0]
    const queue = { of, first, last, run, dueAt, batch: 0 }
    this.#users.set(row, queue)
    return queue
  }

  #event(appId: string, seq: number): EventRow | undefined {
    return read(this.#store, rows.pendingEvent(appId, seq)) as EventRow | undefined
  }

  /** Returns the number of the user's oldest event after another; undefined if no later event is stored. */
  async #next(of: UserRef, seq: number): Promise<number | undefined> {
    // After a failed write, the row of an added event may never come.
    this.#commit.assertWritable()
    await this.#commit.flush()
    const [next] = await this.#reads.all({ ...rows.waitingEventsAfter(of, seq), limit: 1 })
    return next && rows.seqOf(next[0])
  }

  /** Returns the row of the oldest failed event if the app may keep no further one. */
  async #failedBeyond(appId: string): Promise<string[]> {
    if (this.#counts.of(appId).failed < engineRules.maxFailedEvents) return []
    const oldest = await this.#reads.all({ ...rows.failedEventsAfter(appId, null), limit: 1 })
    return oldest.map(([row]) => row)
  }

  /** Makes the event the user's oldest pending one, which is due now. */
  #setFirst(queue: UserQueue, seq: number, operations: Operation[]): void {
    if (queue.first > 0) operations.push(del(this.#dueRow(queue)))
    queue.first = seq
    this.#addDue(queue, this.#clock.now(), operations)
  }

  #setDue(queue: UserQueue, dueAt: number, operations: Operation[]): void {
    operations.push(del(this.#dueRow(queue)))
    this.#addDue(queue, dueAt, operations)
  }

  #addDue(queue: UserQueue, dueAt: number, operations: Operation[]): void {
    if (!this.#isRunStored) operations.push(put(rows.run, this.#run))
    this.#isRunStored = true
    queue.run = this.#run
    queue.dueAt = Math.trunc(dueAt)
    operations.push(put(this.#dueRow(queue), 1))
    this.#writeQueue(queue, operations)
    this.#scheduler.schedule(this.#job(queue.of.appId), queue.dueAt)
  }

  #clear(queue: UserQueue, operations: Operation[]): void {
    operations.push(del(this.#dueRow(queue)), del(rows.eventQueue(queue.of)))
    queue.first = 0
    queue.last = 0
    queue.batch = this.#commit.nextBatch
  }

  #dueRow({ of: { appId, userId }, run, dueAt }: UserQueue): string {
    return rows.dueEvent(appId, { run, dueAt, userId })
  }

  #writeQueue(queue: UserQueue, operations: Operation[]): void {
    const { of, first, last, run, dueAt } = queue
    operations.push(put(rows.eventQueue(of), [first, last, run, dueAt] satisfies QueueRow))
    queue.batch = this.#commit.nextBatch
  }

  /** Writes the operations in order with those of `add`, because both write a user's queue. */
  #write(operations: Operation[]): void {
    if (operations.length > 0) this.#commit.append(operations)
  }

  /** Returns when the event, or the event that it waits for, is due by the engine's clock. */
  #dueAtOf(event: WebhookEvent): number {
    const { run, dueAt } = this.#queue(event)
    return run === this.#run ? dueAt : this.#clock.now()
  }

  #pending(row: EventRow, dueAt: number): PendingEvent {
    return { ...row, dueAt: Date.now() + Math.max(0, dueAt - this.#clock.now()), state: 'pending' }
  }

  /** Does one step of the app's job: emits `webhooks-due` if an event is due, and resolves with the time at which the next one is due. */
  async #announce(appId: string, now: number): Promise<number> {
    await this.#commit.flush()
    const [due] = await this.#reads.all({ ...rows.dueEventsUntil(appId, this.#run, now), limit: 1 })
    if (due) this.#emit({ type: 'webhooks-due', appId })
    const [next] = await this.#reads.all({ ...rows.dueEventsAfter(appId, this.#run, now), limit: 1 })
    return next ? rows.dueEventOf(next[0]).dueAt : Infinity
  }
}
