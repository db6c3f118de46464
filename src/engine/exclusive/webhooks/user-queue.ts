import type { EventLimits, UserRef, WebhookEvent } from '../../engine.js'
import { engineRules } from '../../rules.js'

/** The row of an event, pending or failed. */
export interface EventRow {
  event: WebhookEvent
  attempts: number
  lastError: string | null
}

/** An event about a user's presence that a later one may cancel. */
export interface PresenceEvent {
  type: WebhookEvent['type']
  seq: number
  size: number
  /** What the event before this one says about presence: true for online, false for offline, null if unknown. */
  before: boolean | null
}

/** The pending events of a user. Times are by the engine's clock. */
export interface UserQueue {
  /** The user. The user id is empty for events of the app itself. */
  readonly of: UserRef
  /** The number of the oldest pending event, which a gateway may be delivering; 0 if there is none. */
  first: number
  /** The number of the user's newest event since the queue was last empty. */
  last: number
  /** The number of the run (see `DueKey`) that set `dueAt`. */
  run: number
  dueAt: number
  /** How many events are pending, and about how many bytes they take. */
  count: number
  bytes: number
  /** What the newest event says about presence; null if that is unknown. */
  online: boolean | null
  /** The newest event about presence that may be cancelled. It is never the oldest event, which a gateway may be delivering. */
  presence: PresenceEvent | null
  /** The number of the newest `events.dropped`; 0 if there is none, or if it is the oldest event. */
  dropped: number
  /** The number of the newest `QueueChange`, which removed an event or counted a dropped one. */
  change: number
}

/** A queue as it is stored. */
export type QueueRow = [
  first: number,
  last: number,
  run: number,
  dueAt: number,
  count: number,
  bytes: number,
  online: boolean | null,
  presence: PresenceEvent | null,
  dropped: number,
  change: number,
]

export const queueOf = (of: UserRef, row: QueueRow = [0, 0, 0, 0, 0, 0, null, null, 0, 0]): UserQueue => {
  const [first, last, run, dueAt, count, bytes, online, presence, dropped, change] = row
  return { of, first, last, run, dueAt, count, bytes, online, presence, dropped, change }
}

export const rowOf = (queue: UserQueue): QueueRow => {
  const { first, last, run, dueAt, count, bytes, online, presence, dropped, change } = queue
  return [first, last, run, dueAt, count, bytes, online, presence, dropped, change]
}

/** Returns about how many bytes an event takes. */
export const sizeOf = ({ type, userId, data }: Pick<WebhookEvent, 'type' | 'userId' | 'data'>): number =>
  engineRules.eventOverhead + Buffer.byteLength(JSON.stringify([type, userId, data]))

/** Returns whether a further event of `size` bytes would exceed the limits. */
export const exceeds = (
  { count, bytes }: { count: number; bytes: number },
  size: number,
  limits: EventLimits,
): boolean => count + 1 > limits.events || bytes + size > limits.bytes

/** Returns the type of the event that an event of this type cancels; undefined if the event is not about presence. */
export const oppositeOf = (type: WebhookEvent['type']): WebhookEvent['type'] | undefined =>
  type === 'user.online' ? 'user.offline' : type === 'user.offline' ? 'user.online' : undefined

/** Returns whether an event says that its user is online; null for an event of the app itself. */
export const onlineOf = ({ data }: Pick<WebhookEvent, 'data'>): boolean | null =>
  typeof data['online'] === 'boolean' ? data['online'] : null

/**
 * Returns whether a new event of this type and the user's newest event about presence cancel each other. They do so only if the newest
 * event that remains has the same `online` as the new event, because receivers use the newest state.
 */
export const cancels = (
  { count, last, online: newest, presence }: UserQueue,
  type: WebhookEvent['type'],
  online: boolean | null,
): boolean => {
  if (count < engineRules.eventsBehind || !presence || presence.type !== oppositeOf(type)) return false
  return (last === presence.seq ? presence.before : newest) === online
}
