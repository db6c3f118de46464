import type {
  DeliveryOutcome,
  PendingEvent,
  PendingEventPage,
  UserRef,
  WebhookEvent,
  WebhookQueue,
} from '../../engine.js'
import { KeyedMutex } from '../../../util/keyed-mutex.js'
import { engineRules } from '../../rules.js'
import type { Core } from '../store/core.js'
import { rows } from '../store/rows.js'
import { del, put, type Operation } from '../store/store.js'
import { seqOf } from '../../decide/webhooks/event-id.js'
import { sizeOf } from '../../decide/webhooks/event-size.js'
import { afterEnd, afterFailure, replayed, withReplayed, type EventRow } from '../../decide/webhooks/queue.js'
import type { UserQueues } from './user-queues.js'

/**
 * Stores the pending and the failed webhook events. The number of an event is in the key of its row. The time at which a user's oldest
 * pending event is due is in the key of another row. Each later event of that user has a second row, which says that the event waits.
 */
export class EventQueue implements WebhookQueue {
  readonly #core: Core
  readonly #queues: UserQueues
  readonly #mutex = new KeyedMutex()

  constructor(core: Core, queues: UserQueues) {
    this.#core = core
    this.#queues = queues
  }

  async takeDueEvents(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]> {
    await this.#core.commit.flush()
    const now = this.#core.clock.now()
    const due = await this.#core.reads.all({ ...rows.dueEventsUntil(appId, this.#core.run, now), limit })
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
        this.#queues.set(of, { ...queue, ...this.#queues.dueIn(leaseFor) }, operations)
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
    return this.#withFailed(appId, async () => {
      this.#end(of, eventId, outcome, await this.#failedBeyond(appId))
      await this.#core.commit.flush()
    })
  }

  async pendingEvents(appId: string, after: string | null, limit: number): Promise<PendingEventPage> {
    const { commit, reads } = this.#core
    const seq = after === null ? null : Number(after)
    // No event fails or is replayed between the two reads. Otherwise it could be in both, or in none.
    const [pending, failed] = await this.#withFailed(appId, async () => {
      await commit.flush()
      return [
        await reads.all<EventRow>({ ...rows.pendingEventsAfter(appId, seq), limit: limit + 1 }),
        await reads.all<EventRow>({ ...rows.failedEventsAfter(appId, seq), limit: limit + 1 }),
      ] as const
    })
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
    return this.#withFailed(appId, async () => {
      const seq = seqOf(eventId)
      const failedRow = rows.failedEvent(appId, seq)
      const stored = this.#core.commit.newest(failedRow) as EventRow | undefined
      if (stored?.event.id !== eventId || stored.event.userId !== userId) return false
      const operations: Operation[] = [del(failedRow), put(rows.pendingEvent(appId, seq), replayed(stored))]
      const queue = this.#queues.of(of)
      let [before, next]: [number | undefined, number | undefined] = [undefined, queue.first || undefined]
      while (next !== undefined && next < seq) [before, next] = [next, this.#queues.next(of, next)]
      if (before !== undefined) operations.push(put(rows.nextEvent(of, before), seq))
      if (next !== undefined) operations.push(put(rows.nextEvent(of, seq), next))
      this.#core.usage.add(appId, { failed: -1 })
      this.#queues.set(of, withReplayed(queue, seq, sizeOf(stored.event), this.#queues.dueIn(0)), operations)
      await this.#core.commit.sync(operations)
      return true
    })
  }

  async pendingSummary(appId: string): Promise<{ pending: number; oldestAt: number | null }> {
    await this.#core.commit.flush()
    const [oldest] = await this.#core.reads.all<EventRow>({
      ...rows.pendingEventsAfter(appId, null),
      limit: 1,
    })
    return { pending: this.#core.usage.of(appId).pending, oldestAt: oldest?.[1].event.at ?? null }
  }

  /** Resolves when every call so far that needs the failed events has ended. */
  idle(): Promise<void> {
    return this.#mutex.idle()
  }

  /** Runs `work`, which reads or changes the app's failed events, when the calls before have ended. */
  #withFailed<T>(appId: string, work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(appId, work)
  }

  /** Returns the app's oldest failed event if there is no room for another failed one; otherwise an empty list. */
  async #failedBeyond(appId: string): Promise<[string, EventRow][]> {
    if (this.#core.usage.of(appId).failed < engineRules.maxFailedEvents) return []
    return this.#core.reads.all<EventRow>({ ...rows.failedEventsAfter(appId, null), limit: 1 })
  }

  /** Ends a delivery of the user's oldest event. `beyond` are failed events that make room if the event has failed. */
  #end(of: UserRef, eventId: string, outcome: DeliveryOutcome, beyond: readonly [string, EventRow][]): void {
    const { appId } = of
    const seq = seqOf(eventId)
    const stored = this.#queues.eventOf(appId, seq)
    const queue = this.#queues.of(of)
    if (queue.first !== seq || stored?.event.id !== eventId) return
    if ('retryAfter' in outcome) {
      const operations = [put(rows.pendingEvent(appId, seq), afterFailure(stored, outcome.error))]
      const due = this.#queues.dueIn(Math.max(0, outcome.retryAfter))
      this.#queues.set(of, { ...queue, ...due }, operations)
      return this.#write(operations)
    }
    // After a failed write an added event perhaps never gets a row. Then the next event could not be found, so this throws.
    this.#core.commit.assertWritable()
    const next = this.#queues.next(of, seq)
    const operations = [del(rows.pendingEvent(appId, seq)), del(rows.nextEvent(of, seq))]
    if ('failed' in outcome) {
      operations.push(put(rows.failedEvent(appId, seq), afterFailure(stored, outcome.failed)))
      for (const [old] of beyond) operations.push(del(old))
      this.#core.usage.add(appId, { failed: 1 - beyond.length })
    }
    this.#queues.set(of, afterEnd(queue, sizeOf(stored.event), next, this.#queues.dueIn(0)), operations)
    this.#write(operations)
  }

  /** Writes in the order of the calls: the operations of `add` also write the row of the user's queue, and its newest row must be last. */
  #write(operations: Operation[]): void {
    if (operations.length > 0) this.#core.commit.append(operations)
  }

  /** Returns the due time of the oldest event of this event's user, by the engine's clock. The user's other events wait for that one. */
  #dueAtOf(event: WebhookEvent): number {
    const { run, dueAt } = this.#queues.of(event)
    return run === this.#core.run ? dueAt : this.#core.clock.now()
  }

  #pending({ event, attempts, lastError }: EventRow, dueAt: number): PendingEvent {
    return {
      event,
      attempts,
      lastError,
      dueAt: Date.now() + Math.max(0, dueAt - this.#core.clock.now()),
      state: 'pending',
    }
  }
}
