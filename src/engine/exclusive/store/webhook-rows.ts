import type { UserRef } from '../../engine.js'
import type { Due } from '../../decide/webhooks/queue.js'
import { below, DIGITS, keyOf, lastOf, padded, timedRows } from './row-keys.js'
import type { Range } from './store.js'

/** When the oldest pending event of a user is due. */
export interface DueKey extends Due {
  userId: string
}

/** Returns the range of the rows below `parts` whose number is above `number`; of all these rows if `number` is null. */
const after = (number: number | null, ...parts: string[]): Range =>
  number === null ? below(...parts) : { ...below(...parts), gte: keyOf(...parts, padded(number + 1)) }

/** The keys of the rows of webhook events. */
export const webhookRows = {
  pendingEvent: (appId: string, seq: number) => keyOf('event', appId, padded(seq)),
  pendingEventsAfter: (appId: string, seq: number | null): Range => after(seq, 'event', appId),
  failedEvent: (appId: string, seq: number) => keyOf('failed event', appId, padded(seq)),
  failedEventsAfter: (appId: string, seq: number | null): Range => after(seq, 'failed event', appId),
  /** The `Queue` of a user's events. */
  eventQueue: ({ appId, userId }: UserRef) => keyOf('event queue', appId, userId),
  /** The number of the user's pending event after that with the number `seq`. */
  nextEvent: ({ appId, userId }: UserRef, seq: number) => keyOf('next event', appId, userId, padded(seq)),
  /** The rows of earlier runs come first, because their events are due at once. */
  dueEvent: (appId: string, { run, dueAt, userId }: DueKey) =>
    keyOf('due event', appId, padded(run) + padded(dueAt) + userId),
  dueEventsUntil: (appId: string, run: number, time: number): Range => ({
    ...below('due event', appId),
    lt: keyOf('due event', appId, padded(run) + padded(time + 1)),
  }),
  dueEventsAfter: (appId: string, run: number, time: number): Range => ({
    ...below('due event', appId),
    gte: keyOf('due event', appId, padded(run) + padded(time + 1)),
  }),
  dueEventOf: (row: string): DueKey => {
    const last = lastOf(row)
    return {
      run: Number(last.slice(0, DIGITS)),
      dueAt: Number(last.slice(DIGITS, 2 * DIGITS)),
      userId: last.slice(2 * DIGITS),
    }
  },
  /** Rows that say when to check whether a user's messages are still unread. */
  unreadChecks: timedRows('unread check'),
  /** The `ScanRow` of an app that asks for `message.unread`. */
  unreadScan: (appId: string) => keyOf('unread scan', appId),
  allUnreadScans: below('unread scan'),
} as const
