import type { JsonObject } from '../protocol/index.js'

/** The types of webhook events that an app can ask for. */
export const webhookEventTypes = [
  'session.started',
  'session.ended',
  'user.created',
  'user.updated',
  'user.deleted',
  'user.online',
  'user.offline',
  'message.unread',
  'message.created',
  'message.read',
  'guest.adopted',
  'push.failed',
] as const

export type WebhookEventType = (typeof webhookEventTypes)[number]

/** How many events may be pending, and about how many bytes they may take. */
export interface EventLimits {
  events: number
  bytes: number
}

export interface WebhookOptions {
  /** The types that the engine keeps. */
  events: readonly WebhookEventType[]
  /**
   * The limits of the pending events of each user, and of the whole app. The engine drops events beyond the limits, and counts them in an
   * `events.dropped`. In an engine that several gateways share, an app may exceed its limits by the events of some seconds.
   * @default none
   */
  limits?: { user: EventLimits; app: EventLimits } | undefined
  /**
   * If a message is unread for this many milliseconds, the engine adds a `message.unread`. When an app begins to ask for this event, that
   * includes messages that are unread already.
   */
  unreadAfter: number
}

/** An event for an app's backend. */
export interface WebhookEvent {
  /** The id is the same at every delivery. */
  id: string
  /**
   * `events.dropped` counts events that were dropped: `data.dropped` has their numbers by type. It is sent even if the app does not ask for
   * it.
   */
  type: WebhookEventType | 'events.dropped'
  /** A number that rises with every event of the user. There may be gaps. */
  seq: number
  /** When the event happened (Unix, milliseconds). */
  at: number
  appId: string
  /** Empty for an `events.dropped` that counts events beyond the app's limits. The `data` of such an event says nothing about presence. */
  userId: string
  /** The event's data with the state after the event, so that the receiver can tell a late delivery from the current state. */
  data: JsonObject
}

/** An event that was not delivered yet. Times are Unix times, in milliseconds. */
export interface PendingEvent {
  event: WebhookEvent
  /** How many deliveries have failed. */
  attempts: number
  /** When the next delivery is due. */
  dueAt: number
  /** Why the last delivery failed; null if none has. */
  lastError: string | null
  /** `failed`: the gateway has given up, and delivers the event only if it is replayed. */
  state: 'pending' | 'failed'
}

export interface PendingEventPage {
  /**
   * The events of each user are in the order in which they happened. In an engine that no other process shares, all events are in this
   * order.
   */
  events: PendingEvent[]
  /** The cursor of the next page; null after the last event. */
  next: string | null
}

/**
 * The result of a delivery. `retryAfter`: milliseconds until the next delivery. A Unix time would be wrong once the machine's clock is set.
 * `error` and `failed` say why the delivery failed.
 */
export type DeliveryOutcome = { delivered: true } | { retryAfter: number; error: string } | { failed: string }

/**
 * The webhook events that an engine keeps until they are delivered. One write stores both an event and the change that the event reports.
 * When the engine is opened again, every pending event is due at once, unless another engine had the same data open meanwhile.
 *
 * If a user has eight pending events or more, the receiver is behind. Then a `user.online` and the next `user.offline`, or the other way
 * round, cancel each other: the engine removes the first event and does not add the second. Both stay if the first is the user's oldest
 * pending event, because a gateway may be delivering it. Both also stay if the user's newest event would otherwise have the wrong
 * `online` in its data.
 */
export interface WebhookQueue {
  /**
   * Resolves with up to `limit` events that are due. For each user these include only the oldest pending event, so that a user's events are
   * delivered in their order. The engine leases the events: it does not return them again for `leaseFor` milliseconds, unless `endDelivery`
   * names an earlier retry or the engine is opened again.
   */
  takeDueEvents(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]>

  /** Stores the outcome of a delivery. Ignored if the event is not the user's oldest pending one. */
  endDelivery(appId: string, userId: string, eventId: string, outcome: DeliveryOutcome): Promise<void>

  /**
   * Resolves with a page of pending and failed events. `after` is the `next` of the previous page; null for the first page. Of an app's
   * failed events the newest are kept, about 10,000 at most.
   */
  pendingEvents(appId: string, after: string | null, limit: number): Promise<PendingEventPage>

  /** Makes a failed event a pending event that is due now. Resolves with false if there is no such event. */
  replayEvent(appId: string, userId: string, eventId: string): Promise<boolean>

  /** Resolves with the number of pending events, and when the oldest of them happened (Unix, milliseconds; null if there is none). */
  pendingSummary(appId: string): Promise<{ pending: number; oldestAt: number | null }>
}
