import type { JsonObject } from '../../../protocol/index.js'
import type { UserRef, WebhookEventType, WebhookOptions } from '../../engine.js'
import type { Core } from '../store/core.js'
import type { NewEvent, UserQueues } from './user-queues.js'
import type { Operation } from '../store/store.js'

/** How many events are kept in memory while the store can't be written. */
const MAX_UNWRITTEN = 10_000
/** If at least this many events are kept, the written ones are removed. */
const MIN_PRUNED = 64

const LOST = `More than ${MAX_UNWRITTEN} webhook events happened while the store could not be written: the oldest are lost.`

/** The presence that an event reports. */
export interface Presence {
  online: boolean
  sessions: number
}

/** An event about a change that happens in memory first and is written later. */
interface Unwritten {
  event: NewEvent
  /** The change of the queue by each attempt to write the event. While writes are refused, there are no attempts. */
  attempts: number[]
  /** The number of the batch that writes the event. */
  batch: number
}

interface WebhookEventsOptions extends Core {
  queues: UserQueues
  presenceOf: (of: UserRef) => Presence
}

/** Adds the events that apps ask for to the queue. */
export class WebhookEvents {
  readonly #options: WebhookEventsOptions
  readonly #apps = new Map<string, WebhookOptions>()
  /**
   * The events that are perhaps not written yet, the oldest first. A recovery adds them again, because their changes are only in memory.
   */
  #unwritten: Unwritten[] = []
  /** The events that this object has already taken over from failed objects. */
  readonly #takenOver = new WeakSet<Unwritten>()
  #pruneAt = MIN_PRUNED
  #hasReportedLoss = false

  constructor(options: WebhookEventsOptions) {
    this.#options = options
  }

  configure(appId: string, options: WebhookOptions | null): void {
    if (!options) {
      this.#apps.delete(appId)
      return
    }
    this.#apps.set(appId, { ...options, events: [...options.events] })
    this.#options.queues.resume(appId, options.limits)
  }

  /** Whether the app asks for events of this type. */
  asks(appId: string, type: WebhookEventType): boolean {
    return this.#apps.get(appId)?.events.includes(type) ?? false
  }

  /** Returns the milliseconds after which an unread message causes a `message.unread`; undefined if the app does not ask for this event. */
  unreadAfter(appId: string): number | undefined {
    const options = this.#apps.get(appId)
    return options?.events.includes('message.unread') ? options.unreadAfter : undefined
  }

  /** Adds an event with its user's presence. Returns the operations that store it; an empty list if the app does not ask for it. */
  operations(of: UserRef, type: WebhookEventType, data: JsonObject): Operation[] {
    if (!this.asks(of.appId, type)) return []
    return this.#options.queues.add(this.#event(of, type, data)).operations
  }

  /** Stores an event with the next batch, which also writes the change that the event reports. */
  defer(of: UserRef, type: WebhookEventType, data: JsonObject): void {
    if (this.asks(of.appId, type)) this.#defer(this.#event(of, type, data))
  }

  /**
   * Takes over from an object whose store has failed: adds again the events that were not written. A second call takes over only what has
   * come since the first.
   */
  takeOver(failed: WebhookEvents): void {
    for (const [appId, options] of failed.#apps) this.configure(appId, options)
    // All events are looked up before the first one is added again, because adding may change the queue.
    const left = failed.#unwritten.filter(
      (unwritten) =>
        !this.#takenOver.has(unwritten) && !this.#isWritten(unwritten, failed.#options.commit.lastWritten),
    )
    for (const unwritten of failed.#unwritten) this.#takenOver.add(unwritten)
    for (const { event, attempts } of left) {
      // Both objects share `attempts`. If this recovery fails, the next one takes over from `failed` again, and has to look for the writes
      // of this object, too, because they may have reached the disk.
      this.#defer(event, attempts)
    }
  }

  #isWritten({ event, attempts, batch }: Unwritten, lastWritten: number): boolean {
    return batch <= lastWritten || attempts.some((change) => this.#options.queues.hasChange(event, change))
  }

  #event({ appId, userId }: UserRef, type: WebhookEventType, data: JsonObject): NewEvent {
    const { online, sessions } = this.#options.presenceOf({ appId, userId })
    return { appId, userId, type, at: Date.now(), data: { ...data, online, sessions } }
  }

  #defer(event: NewEvent, attempts: number[] = []): void {
    const { commit, queues } = this.#options
    if (!commit.isWritable) return this.#keep({ event, attempts, batch: Infinity })
    try {
      const { change, operations } = queues.add(event)
      commit.append(operations)
      attempts.push(change)
      this.#keep({ event, attempts, batch: commit.nextBatch })
    } catch (error) {
      // The store can't be read. The error is not thrown, because some changes have no caller who would get it, such as the end of a resume
      // window. The recovery adds this event and all later ones again, so that the user's events keep their order.
      commit.fail(error)
      this.#keep({ event, attempts, batch: Infinity })
    }
  }

  #keep(unwritten: Unwritten): void {
    this.#unwritten.push(unwritten)
    if (this.#unwritten.length < this.#pruneAt) return
    this.#unwritten = this.#unwritten.filter(({ batch }) => batch > this.#options.commit.lastWritten)
    if (this.#unwritten.length >= MAX_UNWRITTEN) {
      this.#unwritten = this.#unwritten.slice(MAX_UNWRITTEN / 2)
      if (!this.#hasReportedLoss) this.#options.onError(new Error(LOST))
      this.#hasReportedLoss = true
    }
    // The next pruning waits until there are twice as many events, so that pruning costs a constant time per event.
    this.#pruneAt = Math.min(MAX_UNWRITTEN, Math.max(MIN_PRUNED, 2 * this.#unwritten.length))
  }
}
