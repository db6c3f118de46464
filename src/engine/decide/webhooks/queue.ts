import type { JsonObject } from '../../../protocol/index.js'
import { engineRules } from '../../rules.js'
import type { EventLimits, PendingEvent, WebhookEvent, WebhookOptions } from '../../webhook-events.js'

/*
 * The queue of a user's pending webhook events: which event is delivered next and when, what becomes of a new event, and what a delivery
 * changes. Only the oldest event of a queue is delivered, so a gateway may be delivering it, and no later event removes or changes it.
 *
 * The scripts of the Redis engine run this code as Lua. There null is the absence of a field, which a spread does not copy: a field that
 * may become null is assigned.
 */

/** When the oldest event of a queue is due, and the number of the run that has set this time. A run lasts as long as the store is open. */
export interface Due {
  readonly run: number
  readonly dueAt: number
}

/** The pending events of a user. */
export interface Queue extends Due {
  /** The number of the oldest pending event; 0 if there is none. */
  readonly first: number
  /** The number of the newest pending event; 0 if there is none. */
  readonly last: number
  /** How many events are pending, and about how many bytes they take. */
  readonly count: number
  readonly bytes: number
  /** What the newest event says about presence; null if that is unknown. */
  readonly online: boolean | null
  /** The newest event about presence that may be cancelled. */
  readonly presence: PresenceEvent | null
  /** The number of the newest `events.dropped` that may count further events; 0 if there is none. */
  readonly dropped: number
  /**
   * The number of the newest change by a new event: it was added, and this is its number, or it has cancelled an older one, or it was
   * counted as dropped.
   */
  readonly change: number
}

/** An event about a user's presence that a later one may cancel. */
export interface PresenceEvent {
  readonly type: WebhookEvent['type']
  readonly seq: number
  readonly size: number
  /** The number of the event before this one, and what it says about presence: true for online, false for offline, null if unknown. */
  readonly previous: number
  readonly before: boolean | null
  /** The number of the event after this one; 0 if this is the newest. */
  readonly next: number
}

export const EMPTY_QUEUE: Queue = {
  ...{ first: 0, last: 0, run: 0, dueAt: 0, count: 0, bytes: 0 },
  ...{ online: null, presence: null, dropped: 0, change: 0 },
}

type Kind = Pick<WebhookEvent, 'type' | 'data'>

/** Returns whether an event says that its user is online; null for an event of the app itself. */
const onlineOf = ({ data }: Kind): boolean | null =>
  typeof data['online'] === 'boolean' ? data['online'] : null

const opposites: Partial<Record<WebhookEvent['type'], WebhookEvent['type']>> = {
  'user.online': 'user.offline',
  'user.offline': 'user.online',
}

/**
 * Returns the queue's newest event about presence if it and the new event cancel each other: then both are gone. They do so only if the
 * receiver is behind, and if the newest event that remains has the same `online` as the new one, because receivers use the newest state.
 */
export const cancelledBy = ({ count, online, presence }: Queue, event: Kind): PresenceEvent | null =>
  count >= engineRules.eventsBehind &&
  presence?.type === opposites[event.type] &&
  (presence?.next === 0 ? presence.before : online) === onlineOf(event)
    ? presence
    : null

const exceeds = (pending: { count: number; bytes: number }, size: number, limits: EventLimits): boolean =>
  pending.count + 1 > limits.events || pending.bytes + size > limits.bytes

/**
 * Returns whether a new event of `size` bytes is added, or is beyond a limit of the user or of the app, and counts in an `events.dropped`.
 * `app` has the app's pending events.
 */
export const fateOf = (
  queue: Queue,
  size: number,
  app: { count: number; bytes: number },
  limits: WebhookOptions['limits'],
): 'added' | 'beyond user' | 'beyond app' => {
  if (limits && exceeds(queue, size, limits.user)) return 'beyond user'
  return limits && exceeds(app, size, limits.app) ? 'beyond app' : 'added'
}

/** Returns the queue with a new event behind the others. An event in an empty queue is due at `now`. */
export const withEvent = (queue: Queue, event: Kind & { seq: number }, size: number, now: Due): Queue => {
  const { type, seq } = event
  const next = { ...queue, last: seq, count: queue.count + 1, bytes: queue.bytes + size, change: seq }
  next.online = onlineOf(event)
  if (queue.first === 0) return { ...next, ...now, first: seq }
  if (type === 'events.dropped') next.dropped = seq
  const { last: previous, online: before, presence } = queue
  if (opposites[type] !== undefined) next.presence = { type, seq, size, previous, before, next: 0 }
  else if (presence?.seq === previous) next.presence = { ...presence, next: seq }
  return next
}

/** Returns the queue without its newest event about presence. `change` is the number of this change. */
export const withoutPresence = (queue: Queue, presence: PresenceEvent, change: number): Queue => {
  const { size, previous, before, next } = presence
  const left = { ...queue, count: queue.count - 1, bytes: queue.bytes - size, change }
  left.presence = null
  if (next > 0) return left
  left.last = previous
  left.online = before
  return left
}

/** Returns the number of the `events.dropped` that counts a further dropped event; 0 if a new one must be added. */
export const countingDrops = ({ dropped, last }: Queue): number => (dropped === last ? dropped : 0)

/** Returns the data of an `events.dropped` that counts one more event. `state` is what it says about presence. */
export const droppedData = (
  earlier: JsonObject,
  type: WebhookEvent['type'],
  state: JsonObject,
): JsonObject => {
  const dropped = (earlier['dropped'] ?? {}) as Record<string, number>
  return { dropped: { ...dropped, [type]: (dropped[type] ?? 0) + 1 }, ...state }
}

/** Returns the queue after its newest event was changed, and takes `more` bytes. */
export const withChanged = (queue: Queue, event: Kind, more: number): Queue => {
  const changed = { ...queue, bytes: queue.bytes + more }
  changed.online = onlineOf(event)
  return changed
}

/** Returns the queue with another oldest event, which is due at `now`. */
const withFirst = (queue: Queue, first: number, now: Due): Queue => {
  const next = { ...queue, ...now, first, dropped: queue.dropped > first ? queue.dropped : 0 }
  if (queue.presence !== null && queue.presence.seq <= first) next.presence = null
  return next
}

/** Returns the queue after its oldest event has ended. `next` is the number of the event after it. If there is none, the queue is empty. */
export const afterEnd = (queue: Queue, size: number, next: number | undefined, now: Due): Queue =>
  next === undefined
    ? EMPTY_QUEUE
    : withFirst({ ...queue, count: queue.count - 1, bytes: queue.bytes - size }, next, now)

/**
 * Returns the queue with a failed event that is pending again, in its place by number. From then on no event of the queue is cancelled or
 * counts drops, because the former oldest one may be among them, and on its way.
 */
export const withReplayed = (queue: Queue, seq: number, size: number, now: Due): Queue => {
  const grown = { last: Math.max(queue.last, seq), count: queue.count + 1, bytes: queue.bytes + size }
  const next = { ...queue, ...grown, dropped: 0 }
  next.presence = null
  return queue.first === 0 || seq < queue.first ? withFirst(next, seq, now) : next
}

/** What is stored of an event besides its place in a queue. */
export type EventRow = Pick<PendingEvent, 'event' | 'attempts' | 'lastError'>

/** Returns what is stored of an event's deliveries after one that has failed. */
export const afterFailure = <Row extends Pick<EventRow, 'attempts' | 'lastError'>>(
  row: Row,
  error: string,
): Row => ({ ...row, attempts: row.attempts + 1, lastError: error })

/** Returns a failed event as it is pending again. */
export const replayed = ({ event }: EventRow): EventRow => ({ event, attempts: 0, lastError: null })
