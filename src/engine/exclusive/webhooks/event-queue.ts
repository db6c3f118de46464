import type {
  DeliveryOutcome,
  EngineEvent,
  PendingEvent,
  PendingEventPage,
  UserRef,
  WebhookEvent,
  WebhookOptions,
  WebhookQueue,
} from '../../engine.js'
import type { Clock } from '../../../util/clock.js'
import { KeyedMutex } from '../../../util/keyed-mutex.js'
import type { Scheduler } from '../../../util/scheduler.js'
import { engineRules } from '../../rules.js'
import type { GroupCommit } from '../store/group-commit.js'
import type { Reads } from '../store/reads.js'
import { rows } from '../store/rows.js'
import { del, put, type Operation, type Store } from '../store/store.js'
import {
  afterEnd,
  afterFailure,
  replayed,
  seqOf,
  sizeOf,
  withReplayed,
  type EventRow,
} from '../../decide/webhooks/queue.js'
import { UserQueues, type AddedEvent, type NewEvent, type QueueChange } from './user-queues.js'

interface EventQueueOptions {
  store: Store
  reads: Reads
  commit: GroupCommit
  clock: Clock
  scheduler: Scheduler
  emit: (event: EngineEvent) => void
}

/**
 * Stores the pending and the failed webhook events. The number of an event is in the key of its row. The time at which a user's oldest
 * pending event is due is in the key of another row. Each later event of that user has a second row, which says that the event waits.
 */
export class EventQueue implements WebhookQueue {
  readonly #reads: Reads
  readonly #commit: GroupCommit
  readonly #clock: Clock
  readonly #queues: UserQueues
  readonly #emit: (event: EngineEvent) => void
  /** Schedules when `webhooks-due` is emitted. */
  readonly #schedule: (appId: string, at: number) => void
  readonly #mutex = new KeyedMutex()

  constructor({ store, reads, commit, clock, scheduler, emit }: EventQueueOptions) {
    this.#reads = reads
    this.#commit = commit
    this.#clock = clock
    this.#schedule = scheduler.perApp((appId, now) => this.#announce(appId, now))
    this.#queues = new UserQueues({
      ...{ store, commit, clock, emit },
      onDue: this.#schedule,
    })
    this.#emit = emit
  }

  /** Sets the app's limits, and emits `webhooks-due` for pending events. */
  resume(appId: string, limits?: WebhookOptions['limits']): void {
    this.#queues.limit(appId, limits)
    this.#schedule(appId, this.#clock.now())
  }

  /** Adds an event. An event that cancels another one is not stored. An event beyond a limit of the user or of the app is dropped. */
  add(event: NewEvent): AddedEvent {
    return this.#queues.add(event)
  }

  /** Whether the event with this id was stored. Also true if the queue has a later change, which may have cancelled the event. */
  has({ appId, userId }: UserRef, eventId: string): boolean {
    const seq = seqOf(eventId)
    if (this.hasChange({ of: { appId, userId }, seq })) return true
    return [rows.pendingEvent(appId, seq), rows.failedEvent(appId, seq)].some(
      (row) => (this.#commit.newest(row) as EventRow | undefined)?.event.id === eventId,
    )
  }

  /** Whether the queue has this change or a later one. */
  hasChange(change: QueueChange): boolean {
    return this.#queues.hasChange(change)
  }

  async takeDueEvents(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]> {
    await this.#commit.flush()
    const now = this.#clock.now()
    const due = await this.#reads.all({ ...rows.dueEventsUntil(appId, this.#queues.run, now), limit })
    const taken: PendingEvent[] = []
    const operations: Operation[] = []
    const failures: unknown[] = []
    for (const [row] of due) {
      try {
        const { run, dueAt, userId } = rows.dueEventOf(row)
        const of = { appId, userId }
        const queue = this.#queues.of(of)
        // Another call may have changed the queue while the rows were read.
        if (queue.first === 0 || queue.run !== run || queue.dueAt !== dueAt) continue
        // The event is leased even if it can't be read. Otherwise it would be the first at each call, and take the place of another event.
        this.#queues.set(of, { ...queue, ...this.#queues.dueAt(now + leaseFor) }, operations)
        const stored = this.#queues.eventOf(appId, queue.first)
        if (stored) taken.push(this.#pending(stored, now))
      } catch (error) {
        failures.push(error)
      }
    }
    this.#write(operations)
    // If some events can be read, the caller gets these. It asks again when it has delivered them.
    if (taken.length === 0 && failures.length > 0) throw failures[0]
    return taken
  }

  async endDelivery(appId: string, userId: string, eventId: string, outcome: DeliveryOutcome): Promise<void> {
    const of = { appId, userId }
    if (!('failed' in outcome)) return this.#end(of, eventId, outcome, [])
    // An app's events fail one after the other. Otherwise two of them could delete the same old event to make room.
    return this.#changeFailed(appId, async () => {
      this.#end(of, eventId, outcome, await this.#failedBeyond(appId))
      await this.#commit.flush()
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
      ...failed.map(([, row]): PendingEvent => ({ ...this.#pending(row, now), dueAt: now, state: 'failed' })),
    ].toSorted((a, b) => a.event.seq - b.event.seq)
    const events = all.slice(0, limit)
    const last = events.at(-1)
    return { events, next: last && all.length > limit ? String(last.event.seq) : null }
  }

  replayEvent(appId: string, userId: string, eventId: string): Promise<boolean> {
    const of = { appId, userId }
    return this.#changeFailed(appId, async () => {
      const seq = seqOf(eventId)
      const failedRow = rows.failedEvent(appId, seq)
      const stored = this.#commit.newest(failedRow) as EventRow | undefined
      if (stored?.event.id !== eventId || stored.event.userId !== userId) return false
      const operations: Operation[] = [del(failedRow), put(rows.pendingEvent(appId, seq), replayed(stored))]
      const queue = this.#queues.of(of)
      let [before, next]: [number | undefined, number | undefined] = [undefined, queue.first || undefined]
      while (next !== undefined && next < seq) [before, next] = [next, this.#queues.next(of, next)]
      if (before !== undefined) operations.push(put(rows.nextEvent(of, before), seq))
      if (next !== undefined) operations.push(put(rows.nextEvent(of, seq), next))
      const due = this.#queues.dueAt(this.#clock.now())
      this.#queues.counts.add(appId, { failed: -1 })
      this.#queues.set(of, withReplayed(queue, seq, sizeOf(stored.event), due), operations)
      await this.#commit.sync(operations)
      return true
    })
  }

  async pendingSummary(appId: string): Promise<{ pending: number; oldestAt: number | null }> {
    await this.#commit.flush()
    const [oldest] = await this.#reads.all<EventRow>({ ...rows.pendingEventsAfter(appId, null), limit: 1 })
    return { pending: this.#queues.counts.of(appId).pending, oldestAt: oldest?.[1].event.at ?? null }
  }

  /** Resolves when every `endDelivery` and `replayEvent` so far has ended. */
  async idle(): Promise<void> {
    await this.#mutex.idle()
  }

  /** Runs `change`, which changes the app's failed events, when the calls before have ended. */
  #changeFailed<T>(appId: string, change: () => Promise<T>): Promise<T> {
    return this.#mutex.run(rows.eventCounts(appId), change)
  }

  /** Returns the app's oldest failed event if there is no room for another failed one; otherwise an empty list. */
  async #failedBeyond(appId: string): Promise<[string, EventRow][]> {
    if (this.#queues.counts.of(appId).failed < engineRules.maxFailedEvents) return []
    return this.#reads.all<EventRow>({ ...rows.failedEventsAfter(appId, null), limit: 1 })
  }

  /** Ends a delivery of the user's oldest event. `beyond` are failed events that make room if the event has failed. */
  #end(of: UserRef, eventId: string, outcome: DeliveryOutcome, beyond: readonly [string, EventRow][]): void {
    const { appId } = of
    const seq = seqOf(eventId)
    const stored = this.#queues.eventOf(appId, seq)
    const queue = this.#queues.of(of)
    if (queue.first !== seq || stored?.event.id !== eventId) return
    const now = this.#clock.now()
    if ('retryAfter' in outcome) {
      const operations = [put(rows.pendingEvent(appId, seq), afterFailure(stored, outcome.error))]
      const due = this.#queues.dueAt(now + Math.max(0, outcome.retryAfter))
      this.#queues.set(of, { ...queue, ...due }, operations)
      return this.#write(operations)
    }
    // After a failed write an added event perhaps never gets a row. Then the next event could not be found, so this throws.
    this.#commit.assertWritable()
    const next = this.#queues.next(of, seq)
    const operations = [del(rows.pendingEvent(appId, seq)), del(rows.nextEvent(of, seq))]
    if ('failed' in outcome) {
      operations.push(put(rows.failedEvent(appId, seq), afterFailure(stored, outcome.failed)))
      for (const [old] of beyond) operations.push(del(old))
      this.#queues.counts.add(appId, { failed: 1 - beyond.length })
    }
    this.#queues.set(of, afterEnd(queue, sizeOf(stored.event), next, this.#queues.dueAt(now)), operations)
    this.#write(operations)
  }

  /** Writes in the order of the calls: the operations of `add` also write the row of the user's queue, and its newest row must be last. */
  #write(operations: Operation[]): void {
    if (operations.length > 0) this.#commit.append(operations)
  }

  /** Returns the due time of the oldest event of this event's user, by the engine's clock. The user's other events wait for that one. */
  #dueAtOf(event: WebhookEvent): number {
    const { run, dueAt } = this.#queues.of(event)
    return run === this.#queues.run ? dueAt : this.#clock.now()
  }

  #pending({ event, attempts, lastError }: EventRow, dueAt: number): PendingEvent {
    return {
      event,
      attempts,
      lastError,
      dueAt: Date.now() + Math.max(0, dueAt - this.#clock.now()),
      state: 'pending',
    }
  }

  /** Does one step of the app's job: emits `webhooks-due` if an event is due, and resolves with the time at which the next one is due. */
  async #announce(appId: string, now: number): Promise<number> {
    await this.#commit.flush()
    const [due] = await this.#reads.all({ ...rows.dueEventsUntil(appId, this.#queues.run, now), limit: 1 })
    if (due) this.#emit({ type: 'webhooks-due', appId })
    const [next] = await this.#reads.all({ ...rows.dueEventsAfter(appId, this.#queues.run, now), limit: 1 })
    return next ? rows.dueEventOf(next[0]).dueAt : Infinity
  }
}
