import { LRUCache } from 'lru-cache'
import type { JsonObject } from '../../../protocol/index.js'
import type { EngineEvent, UserRef, WebhookEvent, WebhookEventType, WebhookOptions } from '../../engine.js'
import type { Clock } from '../../../util/clock.js'
import { randomDigits } from '../../../util/random-digits.js'
import { EventCounts } from './event-counts.js'
import type { GroupCommit } from '../store/group-commit.js'
import { rows } from '../store/rows.js'
import { del, put, read, type Operation, type Store } from '../store/store.js'
import {
  cancels,
  exceeds,
  onlineOf,
  oppositeOf,
  queueOf,
  rowOf,
  sizeOf,
  type EventRow,
  type PresenceEvent,
  type QueueRow,
  type UserQueue,
} from './user-queue.js'

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

/**
 * Holds each user's queue of pending events. If an event would exceed the limits, `add` drops it, and counts it in an event
 * `events.dropped`. The limits do not apply to that event.
 */
export class UserQueues {
  readonly counts: EventCounts
  /** The number of this run (see `DueKey`). Events of earlier runs are due at once. */
  readonly run: number
  /**
   * The rows of queues whose next event is being read, which then becomes the oldest one. Meanwhile `add` neither removes nor changes an
   * event of these queues, because that may be the event that is being read.
   */
  readonly advancing = new Set<string>()
  readonly #commit: GroupCommit
  readonly #clock: Clock
  readonly #emit: (event: EngineEvent) => void
  readonly #onDue: UserQueuesOptions['onDue']
  readonly #limits = new Map<string, NonNullable<WebhookOptions['limits']>>()
  readonly #users = new LRUCache<string, UserQueue>({ max: MAX_CACHED })
  #isRunStored = false

  constructor({ store, commit, clock, emit, onDue }: UserQueuesOptions) {
    this.#commit = commit
    this.#clock = clock
    this.#emit = emit
    this.#onDue = onDue
    this.counts = new EventCounts(store, commit)
    this.run = ((read(store, rows.run) as number | undefined) ?? 0) + 1
  }

  limit(appId: string, limits: WebhookOptions['limits']): void {
    if (limits) this.#limits.set(appId, limits)
    else this.#limits.delete(appId)
  }

  /** Returns a pending event, even if it is not written yet. */
  eventOf(appId: string, seq: number): EventRow | undefined {
    return this.#commit.newest(rows.pendingEvent(appId, seq)) as EventRow | undefined
  }

  add(event: NewEvent): AddedEvent {
    const { appId, type, at } = event
    const queue = this.of(event)
    const { presence } = queue
    if (presence && !this.#isAdvancing(queue) && cancels(queue, type, onlineOf(event)))
      return this.#cancel(queue, presence)
    const limits = this.#limits.get(appId)
    const size = sizeOf(event)
    if (limits && exceeds(queue, size, limits.user)) {
      const { online = false, sessions = 0 } = event.data
      return this.#drop(queue, type, at, { online, sessions })
    }
    const { pending: count, bytes } = this.counts.of(appId)
    if (limits && exceeds({ count, bytes }, size, limits.app))
      return this.#drop(this.of({ appId, userId: '' }), type, at, {})
    const { id, operations } = this.#append(queue, event)
    return { added: { id }, operations }
  }

  /**
   * Returns whether a store that was opened again has this change. Changes are written in order, so a store with a later change has this
   * one, too.
   */
  hasChange({ of, seq }: QueueChange): boolean {
    return this.of(of).change >= seq
  }

  of({ appId, userId }: UserRef): UserQueue {
    const of = { appId, userId }
    const row = rows.eventQueue(of)
    const cached = this.#users.get(row)
    if (cached) return cached
    const queue = queueOf(of, this.#commit.newest(row) as QueueRow | undefined)
    this.#users.set(row, queue)
    return queue
  }

  /** Adds an event behind the user's other events. */
  #append(
    queue: UserQueue,
    { type, at, data }: Pick<WebhookEvent, 'type' | 'at' | 'data'>,
  ): { id: string; operations: Operation[] } {
    const { of } = queue
    const seq = this.counts.next(of.appId)
    const id = `evt_${seq}_${randomDigits()}`
    const event: WebhookEvent = { id, type, seq, at, ...of, data }
    const row: EventRow = { event, attempts: 0, lastError: null }
    const operations = [put(rows.pendingEvent(of.appId, seq), row)]
    if (queue.first > 0) {
      operations.push(put(rows.waitingEvent(of, seq), 1))
      if (oppositeOf(type)) queue.presence = { type, seq, size: sizeOf(event), before: queue.online }
      if (type === 'events.dropped') queue.dropped = seq
    }
    queue.last = seq
    queue.online = onlineOf(event)
    this.count(queue, 1, sizeOf(event))
    if (queue.first === 0) this.setFirst(queue, seq, operations)
    else this.writeQueue(queue, operations)
    return { id, operations }
  }

  /** Gives a number to a change that comes in place of an event. The caller writes the queue. */
  #noteChange(queue: UserQueue): { change: QueueChange } {
    const { of } = queue
    queue.change = this.counts.next(of.appId)
    return { change: { of, seq: queue.change } }
  }

  /** Removes the user's newest event about presence. */
  #cancel(queue: UserQueue, presence: PresenceEvent): AddedEvent {
    const { of, last } = queue
    const { seq, size, before } = presence
    const added = this.#noteChange(queue)
    const operations = [del(rows.pendingEvent(of.appId, seq)), del(rows.waitingEvent(of, seq))]
    if (last === seq) queue.online = before
    queue.presence = null
    this.count(queue, -1, -size)
    this.writeQueue(queue, operations)
    return { added, operations }
  }

  /**
   * Counts the dropped event in the queue's newest event if that is an `events.dropped` which is neither the oldest event nor about to
   * become the oldest. Otherwise adds an `events.dropped`.
   */
  #drop(queue: UserQueue, type: WebhookEventType, at: number, state: JsonObject): AddedEvent {
    const { of, dropped: seq } = queue
    const added = this.#noteChange(queue)
    this.#emit({ type: 'webhook-dropped', appId: of.appId, eventType: type })
    const isNewest = seq > 0 && seq === queue.last && !this.#isAdvancing(queue)
    const row = isNewest ? this.eventOf(of.appId, seq) : undefined
    if (!row) {
      const data = { dropped: { [type]: 1 }, ...state }
      return { added, operations: this.#append(queue, { type: 'events.dropped', at, data }).operations }
    }
    const dropped = row.event.data['dropped'] as Record<string, number>
    const data = { dropped: { ...dropped, [type]: (dropped[type] ?? 0) + 1 }, ...state }
    const changed: EventRow = { ...row, event: { ...row.event, at, data } }
    queue.online = onlineOf(changed.event)
    this.count(queue, 0, sizeOf(changed.event) - sizeOf(row.event))
    const operations = [put(rows.pendingEvent(of.appId, seq), changed)]
    this.writeQueue(queue, operations)
    return { added, operations }
  }

  #isAdvancing({ of }: UserQueue): boolean {
    return this.advancing.has(rows.eventQueue(of))
  }

  /** Adds to the counts of a queue and of its app. Both numbers may be negative. */
  count(queue: UserQueue, pending: number, bytes: number): void {
    queue.count += pending
    queue.bytes += bytes
    this.counts.add(queue.of.appId, { pending, bytes })
  }

  /** Makes the event the user's oldest pending one, which is due now. From then on a gateway may be delivering it. */
  setFirst(queue: UserQueue, seq: number, operations: Operation[]): void {
    if (queue.first > 0) operations.push(del(this.#dueRow(queue)))
    queue.first = seq
    if (queue.presence && queue.presence.seq <= seq) queue.presence = null
    if (queue.dropped <= seq) queue.dropped = 0
    this.#addDue(queue, this.#clock.now(), operations)
  }

  setDue(queue: UserQueue, dueAt: number, operations: Operation[]): void {
    operations.push(del(this.#dueRow(queue)))
    this.#addDue(queue, dueAt, operations)
  }

  #addDue(queue: UserQueue, dueAt: number, operations: Operation[]): void {
    if (!this.#isRunStored) operations.push(put(rows.run, this.run))
    this.#isRunStored = true
    queue.run = this.run
    queue.dueAt = Math.trunc(dueAt)
    operations.push(put(this.#dueRow(queue), 1))
    this.writeQueue(queue, operations)
    this.#onDue(queue.of.appId, queue.dueAt)
  }

  clear(queue: UserQueue, operations: Operation[]): void {
    operations.push(del(this.#dueRow(queue)), del(rows.eventQueue(queue.of)))
    Object.assign(queue, queueOf(queue.of))
  }

  #dueRow({ of: { appId, userId }, run, dueAt }: UserQueue): string {
    return rows.dueEvent(appId, { run, dueAt, userId })
  }

  writeQueue(queue: UserQueue, operations: Operation[]): void {
    operations.push(put(rows.eventQueue(queue.of), rowOf(queue)))
  }
}
