import type { Retention } from '../../inbox-records.js'
import { lowerBound } from '../../../util/lower-bound.js'
import { countAfter, hasOffset, offsetsAfter, offsetSetOf, type OffsetSet } from './offset-set.js'
import type { Sized } from './share.js'

/*
 * Which messages of an inbox are unread, which are kept, and whether a new message pushes out an unread one. A message is unread from its
 * arrival until a mark reaches it: the mark of the inbox, or the mark of the message's peer.
 */

/**
 * How a message concerns the owner of an inbox. A `received` message is unread until a mark reaches it. A `read` message counts as
 * read, because a guest whom the owner has adopted had read it. A `sent` message is the owner's own. Stored rows have these numbers.
 */
export const directions = { received: 0, read: 1, sent: 2 } as const
export type Direction = (typeof directions)[keyof typeof directions]

export const directionOf = (owner: string, from: string | null, isRead: boolean): Direction =>
  from === owner ? directions.sent : isRead ? directions.read : directions.received

/** The read marks of an inbox. Marks only move forward. */
export interface Marks {
  /** The mark of the inbox. */
  readonly readOffset: number
  /** No message up to this offset is unread, by the marks of the inbox and of its peers. */
  readonly readUpTo: number
  /** The received messages that marks of peers have reached, those after `readUpTo` at least. Undefined if no peer ever got a mark. */
  readonly reached: OffsetSet | undefined
}

/** A received message: its offset and the peer who has sent it, null for the app's backend. */
export interface Received {
  readonly offset: number
  readonly peer: string | null
}

/** Returns whether a mark has reached the message. Also true for a message before the first unread one. */
export const isReached = ({ readUpTo, reached }: Marks, offset: number): boolean =>
  offset <= readUpTo || (reached !== undefined && hasOffset(reached, offset))

export const isUnread = (marks: Marks, offset: number, direction: Direction): boolean =>
  direction === directions.received && !isReached(marks, offset)

/**
 * Returns how many kept messages are unread. `first` is the oldest kept offset, and `receivedUpTo` returns how many messages up to an
 * offset were ever received. `received` is this number for the newest offset.
 */
export const unreadCount = (
  { readUpTo, reached }: Marks,
  first: number,
  received: number,
  receivedUpTo: (offset: number) => number,
): number => {
  const passed = Math.max(readUpTo, first - 1)
  return received - receivedUpTo(passed) - (reached ? countAfter(reached, passed) : 0)
}

/** Returns how many of the received messages are unread, by peer. */
export const unreadByPeer = (marks: Marks, received: readonly Received[]): Map<string | null, number> => {
  const unread = new Map<string | null, number>()
  for (const { offset, peer } of received)
    if (!isReached(marks, offset)) unread.set(peer, (unread.get(peer) ?? 0) + 1)
  return unread
}

/** Returns the marks after that of the inbox was set to `offset`; the same object if it is there or beyond already. */
export const afterInboxMark = (marks: Marks, offset: number): Marks => {
  if (offset <= marks.readOffset) return marks
  return { ...marks, readOffset: offset, readUpTo: Math.max(marks.readUpTo, offset) }
}

/**
 * Returns the marks after that of a peer was set to `target`. `received` are the received messages after `marks.readUpTo`, and `newest`
 * is the newest offset.
 */
export const afterPeerMark = (
  marks: Marks,
  received: readonly Received[],
  peer: string | null,
  target: number,
  newest: number,
): Marks => {
  const isRead = (each: Received): boolean =>
    isReached(marks, each.offset) || (each.peer === peer && each.offset <= target)
  const readUpTo = (received.find((each) => !isRead(each))?.offset ?? newest + 1) - 1
  const reached = received.filter((each) => each.offset > readUpTo && isRead(each))
  return { ...marks, readUpTo, reached: offsetSetOf(reached.map(({ offset }) => offset)) }
}

/** Returns the marks that `a` and `b` have together. Marks that are not written yet are set again by this after a failed write. */
export const joinedMarks = (a: Marks, b: Marks): Marks => {
  const readUpTo = Math.max(a.readUpTo, b.readUpTo)
  const reached = [a.reached, b.reached].flatMap((set) => (set ? offsetsAfter(set, readUpTo) : []))
  return {
    readOffset: Math.max(a.readOffset, b.readOffset),
    readUpTo,
    reached: (a.reached ?? b.reached) && offsetSetOf(reached.sort((one, other) => one - other)),
  }
}

/**
 * Returns the oldest offset, from `first` on, that an inbox keeps when `newest` is its newest offset. `bytes` are those of all messages
 * up to there, also of messages that were deleted, and `bytesBefore` returns those of all messages before an offset. `deleted` are the
 * bytes of deleted messages. The newest message is kept even if it alone takes more bytes than `retention` has.
 */
export const firstKept = (
  first: number,
  newest: number,
  bytes: number,
  deleted: number,
  retention: Retention,
  bytesBefore: (offset: number) => number,
): number => {
  const from = Math.max(first, newest - retention.messages + 1)
  // If even the messages that are not deleted yet fit, this needs no look-up. The look-ups are a binary search, because after the
  // retention was lowered, reading each message beyond it would block the event loop.
  if (bytes - deleted <= retention.bytes) return from
  return lowerBound(from, newest, (offset) => bytes - bytesBefore(offset) > retention.bytes)
}

/** A message that a new one pushes out. */
export interface PushedOut extends Sized {
  readonly offset: number
  readonly direction: Direction
}

/** Returns whether an unread message of someone else is among those that a message of `from` pushes out. */
export const pushesOutOthers = (marks: Marks, from: string, pushedOut: Iterable<PushedOut>): boolean => {
  for (const each of pushedOut)
    if (each.from !== from && isUnread(marks, each.offset, each.direction)) return true
  return false
}
