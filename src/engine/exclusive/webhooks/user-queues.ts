import { LRUCache } from 'lru-cache'
import type { JsonObject } from '../../../protocol/index.js'
import type { EngineEvent, UserRef, WebhookEvent, WebhookEventType, WebhookOptions } from '../../engine.js'
import type { Clock } from '../../../util/clock.js'
import { randomDigits } from '../../../util/random-digits.js'
import {
  cancelledBy,
  countingDrops,
  droppedData,
  EMPTY_QUEUE,
  fateOf,
  sizeOf,
  withChanged,
  withEvent,
  withoutPresence,
  type Due,
  type EventRow,
  type PresenceEvent,
  type Queue,
} from '../../decide/webhooks/queue.js'
import { EventCounts } from './event-counts.js'
import type { GroupCommit } from '../store/group-commit.js'
import { rows } from '../store/rows.js'
import { del, put, read, type Operation, type Store } from '../store/store.js'

/** How many users' queues are kept in memory. */
const MAX_CACHED = 10_000

/** The argument of `UserQueues.add`. `at` is a Unix time in milliseconds. */
export interface NewEvent extends UserRef {
  type: WebhookEventType
  at: number
  data: JsonObject
}

/** A change of a queue in place of a new event: an older event was removed, or the new one was counted as dropped. */
export interface QueueChange {
  of: UserRef
  seq: number
}

/** The result of `UserQueues.add`. `added` has the id of the added event, or the change in place of it. */
export interface AddedEvent {
  added: { id: string } | { change: QueueChange }
  /** The next batch must write these operations. */
  operations: Operation[]
}

interface UserQueuesOptions {
  store: Store
  commit: GroupCommit
  clock: Clock
  emit: (event: EngineEvent) => void
  /** Called when an event of the app gets the time at which it is due. `at` is a time of the engine's clock. */
  onDue: (appId: string, at: number) => void
}

/** Loads and keeps the queues of users, for which `decide/webhooks/queue.ts` decides. */
export class UserQueues {
  readonly counts: EventCounts
  /** The number of this run (see `Due`). Events of earlier runs are due at once. */
  readonly run: number
  readonly #options: UserQueuesOptions
  readonly #limits = new Map<string, WebhookOptions['limits']>()
  readonly #users = new LRUCache<string, Queue>({ max: MAX_CACHED })
  #isRunStored = false

  constructor(options: UserQueuesOptions) {
    this.#options = options
    this.counts = new EventCounts(options.store, options.commit)
    this.run = ((read(options.store, rows.run) as number | undefined) ?? 0) + 1
  }

  limit(appId: string, limits: WebhookOptions['limits']): void {
    this.#limits.set(appId, limits)
  }

  /** Returns a pending event, even if it is not written yet. */
  eventOf(appId: string, seq: number): EventRow | undefined {
    return this.#options.commit.newest(rows.pendingEvent(appId, seq)) as EventRow | undefined
  }

  add(event: NewEvent): AddedEvent {
    const { appId, userId, data } = event
    const of = { appId, userId }
    const queue = this.of(of)
    const { pending: count, bytes } = this.counts.of(appId)
    const limits = this.#limits.get(appId)
    const cancelled = cancelledBy(queue, event)
    if (cancelled) return this.#cancel(of, cancelled)
    switch (fateOf(queue, sizeOf(event), { count, bytes }, limits)) {
      case 'added':
        return this.#append(of, event)
      case 'beyond user':
        return this.#drop(of, event, { online: data['online'] ?? false, sessions: data['sessions'] ?? 0 })
      case 'beyond app':
        return this.#drop({ appId, userId: '' }, event, {})
    }
  }

  /**
   * Returns whether a store that was opened again has this change. Changes are written in order, so a store with a later change has this
   * one, too.
   */
  hasChange({ of, seq }: QueueChange): boolean {
    return this.of(of).change >= seq
  }

  of(of: UserRef): Queue {
    const row = rows.eventQueue(of)
    const cached = this.#users.get(row)
    if (cached) return cached
    const queue = (this.#options.commit.newest(row) as Queue | undefined) ?? EMPTY_QUEUE
    this.#users.set(row, queue)
    return queue
  }

  /** Returns the time for an oldest event that is due at `at`. */
  dueAt(at: number): Due {
    return { run: this.run, dueAt: Math.trunc(at) }
  }

  /** Returns the number of the event after another pending one of the user; undefined if that is the newest. */
  next(of: UserRef, seq: number): number | undefined {
    return this.#options.commit.newest(rows.nextEvent(of, seq)) as number | undefined
  }

  /** Puts `after` in the place of the user's queue. Adds the operations that store it, but for those of its events. */
  set(of: UserRef, after: Queue, operations: Operation[]): void {
    const before = this.of(of)
    // This line may read the store, and a failed read must leave the queue as it is stored.
    this.counts.add(of.appId, { pending: after.count - before.count, bytes: after.bytes - before.bytes })
    this.#users.set(rows.eventQueue(of), after)
    operations.push(after.count > 0 ? put(rows.eventQueue(of), after) : del(rows.eventQueue(of)))
    if (before.first === after.first && before.run === after.run && before.dueAt === after.dueAt) return
    if (before.first > 0) operations.push(del(rows.dueEvent(of.appId, { ...before, userId: of.userId })))
    if (after.first === 0) return
    if (!this.#isRunStored) operations.push(put(rows.run, this.run))
    this.#isRunStored = true
    operations.push(put(rows.dueEvent(of.appId, { ...after, userId: of.userId }), 1))
    this.#options.onDue(of.appId, after.dueAt)
  }

  /** Adds an event behind the user's other events. */
  #append(
    of: UserRef,
    { type, at, data }: Pick<WebhookEvent, 'type' | 'at' | 'data'>,
  ): AddedEvent & { added: { id: string } } {
    const seq = this.counts.next(of.appId)
    const id = `evt_${seq}_${randomDigits()}`
    const event: WebhookEvent = { id, type, seq, at, ...of, data }
    const operations = [
      put(rows.pendingEvent(of.appId, seq), { event, attempts: 0, lastError: null } satisfies EventRow),
    ]
    const before = this.of(of)
    if (before.last > 0) operations.push(put(rows.nextEvent(of, before.last), seq))
    this.set(of, withEvent(before, event, sizeOf(event), this.dueAt(this.#options.clock.now())), operations)
    return { added: { id }, operations }
  }

  /** Removes the user's newest event about presence. */
  #cancel(of: UserRef, presence: PresenceEvent): AddedEvent {
    const { seq, previous, next } = presence
    const change = this.counts.next(of.appId)
    const operations = [del(rows.pendingEvent(of.appId, seq)), del(rows.nextEvent(of, seq))]
    operations.push(next > 0 ? put(rows.nextEvent(of, previous), next) : del(rows.nextEvent(of, previous)))
    this.set(of, withoutPresence(this.of(of), presence, change), operations)
    return { added: { change: { of, seq: change } }, operations }
  }

  /** Counts a dropped event in an `events.dropped` of a queue. `state` is what that event says about presence. */
  #drop(of: UserRef, { type, at }: NewEvent, state: JsonObject): AddedEvent {
    const change = this.counts.next(of.appId)
    const added = { change: { of, seq: change } }
    const queue = { ...this.of(of), change }
    const seq = countingDrops(queue)
    const row = seq > 0 ? this.eventOf(of.appId, seq) : undefined
    this.#options.emit({ type: 'webhook-dropped', appId: of.appId, eventType: type })
    if (!row) {
      const operations: Operation[] = []
      this.set(of, queue, operations)
      const event = { type: 'events.dropped' as const, at, data: droppedData({}, type, state) }
      return { added, operations: [...operations, ...this.#append(of, event).operations] }
    }
    const event = { ...row.event, at, data: droppedData(row.event.data, type, state) }
    const operations = [put(rows.pendingEvent(of.appId, seq), { ...row, event } satisfies EventRow)]
    this.set(of, withChanged(queue, event, sizeOf(event) - sizeOf(row.event)), operations)
    return { added, operations }
  }
}
