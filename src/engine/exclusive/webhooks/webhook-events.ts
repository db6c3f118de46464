import type { JsonObject } from '../../../protocol/index.js'
import type { UserRef, WebhookEventType, WebhookOptions } from '../../engine.js'
import type { Core } from '../store/core.js'
import type { NewEvent, UserQueues } from './user-queues.js'
import type { Operation } from '../store/store.js'

/** How many events are kept in memory while the store can't be written. */
const MAX_UNWRITTEN = 10_000

const LOST = `More than ${MAX_UNWRITTEN} webhook events happened while the store could not be written: the oldest are lost.`

/** The presence that an event reports. */
export interface Presence {
  online: boolean
  sessions: number
}

/** An event about a change that happens in memory first and is written later. */
interface Unwritten {
  event: NewEvent
  /** The change of the queue by this event; Infinity if the event is in no queue, because writes are refused. */
  change: number
}

interface WebhookEventsOptions extends Core {
  queues: UserQueues
  presenceOf: (of: UserRef) => Presence
}

/** Adds the events that apps ask for to the queue. */
export class WebhookEvents {
  readonly #options: WebhookEventsOptions
  readonly #apps = new Map<string, WebhookOptions>()
  /** The events that are perhaps not written yet. A recovery adds them again, because their changes are only in memory. */
  readonly #unwritten = new Set<Unwritten>()
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

  /** Takes over the options of apps from an object whose store has failed, and adds the events again that it has not written. */
  takeOver(failed: WebhookEvents): void {
    for (const [appId, options] of failed.#apps) this.configure(appId, options)
    // All events are looked up before the first one is added again, because adding changes the queue.
    const left = [...failed.#unwritten].filter(
      ({ event, change }) => !this.#options.queues.hasChange(event, change),
    )
    for (const { event } of left) this.#defer(event)
  }

  #event({ appId, userId }: UserRef, type: WebhookEventType, data: JsonObject): NewEvent {
    const { online, sessions } = this.#options.presenceOf({ appId, userId })
    return { appId, userId, type, at: Date.now(), data: { ...data, online, sessions } }
  }

  #defer(event: NewEvent): void {
    const { commit, queues } = this.#options
    const unwritten: Unwritten = { event, change: Infinity }
    this.#keep(unwritten)
    if (!commit.isWritable) return
    try {
      const { change, operations } = queues.add(event)
      unwritten.change = change
      commit.append(operations, () => this.#unwritten.delete(unwritten))
    } catch (error) {
      // The store can't be read. The error is not thrown, because some changes have no caller who would get it, such as the end of a resume
      // window. The recovery adds this event and all later ones again, so that the user's events keep their order.
      commit.fail(error)
    }
  }

  #keep(unwritten: Unwritten): void {
    if (this.#unwritten.size === MAX_UNWRITTEN) {
      for (const oldest of [...this.#unwritten].slice(0, MAX_UNWRITTEN / 2)) this.#unwritten.delete(oldest)
      if (!this.#hasReportedLoss) this.#options.onError(new Error(LOST))
      this.#hasReportedLoss = true
    }
    this.#unwritten.add(unwritten)
  }
}
