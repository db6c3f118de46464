import type { JsonObject } from '../protocol/index.js'

/** Every event that an app's backend can be sent by webhook. */
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
] as const

export type WebhookEventType = (typeof webhookEventTypes)[number]

export interface WebhookOptions {
  /** The types that the engine keeps. */
  events: readonly WebhookEventType[]
  /** Milliseconds after which a message that is still unread makes a `message.unread`. */
  unreadAfter: number
}

/** An event that an app's backend is sent. */
export interface WebhookEvent {
  /** The same at every delivery. */
  id: string
  type: WebhookEventType
  /** Rises with every event of the user. Numbers may be left out. */
  seq: number
  /** When it happened (Unix, milliseconds). */
  at: number
  appId: string
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
  /** `failed`: it was given up, and is delivered only if it is replayed. */
  state: 'pending' | 'failed'
}

export interface PendingEventPage {
  /** Those of a user in the order in which they happened. An engine of one process has all of them so. */
  events: PendingEvent[]
  /** The cursor of the next page; null after the last event. */
  next: string | null
}

/**
 * The result of a delivery. `retryAfter` is in milliseconds, since a Unix time would move with the machine's clock; `error` and `failed`
 * say why the delivery failed.
 */
export type DeliveryOutcome = { delivered: true } | { retryAfter: number; error: string } | { failed: string }

/**
 * The webhook events that an engine keeps until they are delivered. An event is written in the same batch as the change
 * that it reports. After the engine was opened again, every pending event is due at once, unless another engine on the same data was open meanwhile.
 */
export interface WebhookQueue {
  /**
   * Up to `limit` events that are due, of each user the oldest pending one alone, so that a user's events are delivered in their order.
   * None of them is returned again for `leaseFor` milliseconds, unless the engine is opened again or the event is settled with `retryAfter` before.
   */
  takeDueEvents(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]>

  /** Ends a delivery. Ignored if the event is not the user's oldest pending one. */
  endDelivery(appId: string, userId: string, eventId: string, outcome: DeliveryOutcome): Promise<void>

  /** Pending and failed events. `after` is the `next` of the page before, null for the first page. The newest 10,000 failed ones are kept. */
  pendingEvents(appId: string, after: string | null, limit: number): Promise<PendingEventPage>

  /** Makes a failed event a pending event that is due now; false if there is no such event. */
  replayEvent(appId: string, userId: string, eventId: string): Promise<boolean>

  /** The number of pending events, and when the oldest of them happened (Unix, milliseconds); null if there is none. */
  pendingSummary(appId: string): Promise<{ pending: number; oldestAt: number | null }>
}
