import { LRUCache } from 'lru-cache'
import type { JsonObject } from '../../../protocol/index.js'
import type { UserRef, WebhookEvent, WebhookEventType, WebhookOptions } from '../../engine.js'
import { randomDigits } from '../../../util/random-digits.js'
import { sizeOf } from '../../decide/webhooks/event-size.js'
import {
  cancelledBy,
  countingDrops,
  droppedData,
  EMPTY_QUEUE,
  fateOf,
  withChanged,
  withEvent,
  withoutPresence,
  type Due,
  type EventRow,
  type PresenceEvent,
  type Queue,
} from '../../decide/webhooks/queue.js'
import type { Core } from '../store/core.js'
import { rows } from '../store/rows.js'
import { del, put, type Operation } from '../store/store.js'

/** How many users' queues are kept in memory. */
const MAX_CACHED = 10_000

/** The argument of `UserQueues.add`. `at` is a Unix time in milliseconds. */
export interface NewEvent extends UserRef {
  type: WebhookEventType
  at: number
  data: JsonObject
}

/** The result of `UserQueues.add`. */
export interface AddedEvent {
  /** The number of the change: see `Queue.change`. */
  change: number
  /** The next batch must write these operations. */
  operations: Operation[]
}

/** Loads and keeps the queues of users, for which `decide/webhooks/queue.ts` decides. */
export class UserQueues {
  readonly #core: Core
  /** Schedules when `webhooks-due` is emitted. */
  readonly #schedule: (appId: string, at: number) => void
  readonly #limits = new Map<string, WebhookOptions['limits']>()
  readonly #users = new LRUCache<string, Queue>({ max: MAX_CACHED })

  constructor(core: Core) {
    this.#core = core
    this.#schedule = core.scheduler.perApp((appId, now) => this.#announce(appId, now))
  }

  /** Sets the app's limits, and emits `webhooks-due` for pending events. */
  resume(appId: string, limits: WebhookOptions['limits']): void {
    this.#limits.set(appId, limits)
    this.#schedule(appId, this.#core.clock.now())
  }

  /** Returns a pending event, even if it is not written yet. */
  eventOf(appId: string, seq: number): EventRow | undefined {
    return this.#core.commit.newest(rows.pendingEvent(appId, seq)) as EventRow | undefined
  }

  /** Adds an event. An event that cancels another one is not stored. An event beyond a limit of the user or of the app is dropped. */
  add(event: NewEvent): AddedEvent {
    const { appId, userId, data } = event
    const of = { appId, userId }
    const queue = this.of(of)
    const { pending: count, eventBytes: bytes } = this.#core.usage.of(appId)
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
   * Returns whether a store that was opened again has this change of the user's queue. Changes are written in order, so a store with a
   * later change has this one, too.
   */
  hasChange(of: UserRef, change: number): boolean {
    return this.of(of).change >= change
  }

  of(of: UserRef): Queue {
    const row = rows.eventQueue(of)
    const cached = this.#users.get(row)
    if (cached) return cached
    const queue = (this.#core.commit.newest(row) as Queue | undefined) ?? EMPTY_QUEUE
    this.#users.set(row, queue)
    return queue
  }

  /** Returns the time for an oldest event that is due in `after` milliseconds. */
  dueIn(after: number): Due {
    return { run: this.#core.run, dueAt: Math.trunc(this.#core.clock.now() + after) }
  }

  /** Returns the number of the event after another pending one of the user; undefined if that is the newest. */
  next(of: UserRef, seq: number): number | undefined {
    return this.#core.commit.newest(rows.nextEvent(of, seq)) as number | undefined
  }

  /** Puts `after` in the place of the user's queue. Adds the operations that store it, but for those of its events. */
  set(of: UserRef, after: Queue, operations: Operation[]): void {
    const before = this.of(of)
    // This line may read the store, and a failed read must leave the queue as it is stored.
    this.#core.usage.add(of.appId, {
      pending: after.count - before.count,
      eventBytes: after.bytes - before.bytes,
    })
    this.#users.set(rows.eventQueue(of), after)
    operations.push(after.count > 0 ? put(rows.eventQueue(of), after) : del(rows.eventQueue(of)))
    if (before.first === after.first && before.run === after.run && before.dueAt === after.dueAt) return
    if (before.first > 0) operations.push(del(rows.dueEvent(of.appId, { ...before, userId: of.userId })))
    if (after.first === 0) return
    operations.push(put(rows.dueEvent(of.appId, { ...after, userId: of.userId }), 1))
    this.#schedule(of.appId, after.dueAt)
  }

  /** Adds an event behind the user's other events. */
  #append(of: UserRef, { type, at, data }: Pick<WebhookEvent, 'type' | 'at' | 'data'>): AddedEvent {
    const seq = this.#core.usage.nextEvent(of.appId)
    const id = `evt_${seq}_${randomDigits()}`
    const event: WebhookEvent = { id, type, seq, at, ...of, data }
    const operations = [
      put(rows.pendingEvent(of.appId, seq), { event, attempts: 0, lastError: null } satisfies EventRow),
    ]
    const before = this.of(of)
    if (before.last > 0) operations.push(put(rows.nextEvent(of, before.last), seq))
    this.set(of, withEvent(before, event, sizeOf(event), this.dueIn(0)), operations)
    return { change: seq, operations }
  }

  /** Removes the user's newest event about presence. */
  #cancel(of: UserRef, presence: PresenceEvent): AddedEvent {
    const { seq, previous, next } = presence
    const change = this.#core.usage.nextEvent(of.appId)
    const operations = [del(rows.pendingEvent(of.appId, seq)), del(rows.nextEvent(of, seq))]
    operations.push(next > 0 ? put(rows.nextEvent(of, previous), next) : del(rows.nextEvent(of, previous)))
    this.set(of, withoutPresence(this.of(of), presence, change), operations)
    return { change, operations }
  }

  /** Counts a dropped event in an `events.dropped` of a queue. `state` is what that event says about presence. */
  #drop(of: UserRef, { type, at }: NewEvent, state: JsonObject): AddedEvent {
    const change = this.#core.usage.nextEvent(of.appId)
    const queue = { ...this.of(of), change }
    const seq = countingDrops(queue)
    const row = seq > 0 ? this.eventOf(of.appId, seq) : undefined
    this.#core.emit({ type: 'webhook-dropped', appId: of.appId, eventType: type })
    if (!row) return this.#append(of, { type: 'events.dropped', at, data: droppedData({}, type, state) })
    const event = { ...row.event, at, data: droppedData(row.event.data, type, state) }
    const operations = [put(rows.pendingEvent(of.appId, seq), { ...row, event } satisfies EventRow)]
    this.set(of, withChanged(queue, event, sizeOf(event) - sizeOf(row.event)), operations)
    return { change, operations }
  }

  /** Does one step of the app's job: emits `webhooks-due` if an event is due, and resolves with the time at which the next one is due. */
  async #announce(appId: string, now: number): Promise<number> {
    const { commit, reads, emit, run } = this.#core
    await commit.flush()
    const [due] = await reads.all({ ...rows.dueEventsUntil(appId, run, now), limit: 1 })
    if (due) emit({ type: 'webhooks-due', appId })
    const [next] = await reads.all({ ...rows.dueEventsAfter(appId, run, now), limit: 1 })
    return next ? rows.dueEventOf(next[0]).dueAt : Infinity
  }
}
