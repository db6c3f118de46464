import type { Message } from '../../../protocol/index.js'
import type { Retention } from '../../engine.js'
import { hasExpired } from '../../decide/messages/expired.js'
import type { Marks } from '../../decide/messages/inbox.js'

/** A stored message. Its row has sums of all messages before it, so that counting those messages needs no other row. */
export interface MessageRow {
  message: Message
  /** When the message was stored, by the engine's clock. (`sentAt` is a time of the machine's clock, which may be wrong.) */
  at: number
  /** How many messages from others came before this one. */
  received: number
  /** How many bytes the messages before this one have. */
  bytes: number
  /** How many bytes this message has. */
  size: number
  /** The oldest offset that is retained once this message is stored. */
  first: number
  /** Whether the message counts as read, whatever the read mark is, because the adopted guest had read it. */
  isRead: boolean
  /** The `traceparent` of the message, for its pushes. */
  traceparent: string | undefined
}

/**
 * A stored message. The offset is in the key. `MessagePut` writes the row as text. `mark` is 1 for an adopted message
 * that counts as read. For any other message that is pushed, `mark` is the `traceparent`, if the message has one.
 */
export type StoredMessage = [
  at: number,
  received: number,
  bytes: number,
  size: number,
  first: number,
  message: Omit<Message, 'offset'>,
  mark?: string | 1,
]

// This runs for every message that is read from the store, so it names each field. With a rest parameter and a spread instead, reading what
// a client had missed took 1.5 times as long.
export const messageRowOf = (
  offset: number,
  [at, received, bytes, size, first, message, mark]: StoredMessage,
): MessageRow => ({
  message: { offset, ...message },
  at,
  received,
  bytes,
  size,
  first,
  isRead: mark === 1,
  traceparent: mark === 1 ? undefined : mark,
})

/** The end of an inbox: the newest offset, sums of the messages up to it, and the oldest offset that is retained. */
export interface Watermark {
  /** The newest offset. */
  offset: number
  /** How many messages from others there are up to `offset`. */
  received: number
  /** How many bytes the messages up to `offset` have. */
  bytes: number
  /** The oldest offset that is retained. */
  first: number
}

/**
 * An inbox as it is stored. With an object and its field names in place of this array, storing a message took a quarter longer with a
 * million users.
 */
export type StoredInbox = [
  /** How many bytes the user's messages take in the inboxes of others. */
  sent: number,
  /** 1 if the row covers every stored message. Otherwise it may lack some, and the constructor of `Inbox` looks for them. */
  isExact: 0 | 1,
  /** The four numbers of a `Watermark`. */
  offset: number,
  received: number,
  bytes: number,
  first: number,
  readOffset: number,
  /** How many messages were received up to `Marks.readUpTo`. */
  readReceived: number,
  /** The offset of the oldest message that is not deleted, and the bytes of the messages before it. */
  sweptOffset: number,
  sweptBytes: number,
  /** The oldest retained message was stored at this time or later. */
  oldestAt: number,
  /** Absent if no peer ever got a mark. Then `readUpTo` is `readOffset`. The bits are in Base64. */
  reached?: [readUpTo: number, base: number, bits: string],
]

/** The row of an inbox that has none. */
export const NO_ROW: StoredInbox = [0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0]

/** The watermark of every new inbox. All share one object, because most inboxes stay empty. */
export const EMPTY: Watermark = { offset: 0, received: 0, bytes: 0, first: 1 }

/** The marks of an inbox of which nothing is read. All such inboxes share one object. */
const NO_MARKS: Marks = { readOffset: 0, readUpTo: 0, reached: undefined }

export const marksOf = (readOffset: number, reached: StoredInbox[11]): Marks => {
  if (!reached) return readOffset === 0 ? NO_MARKS : { readOffset, readUpTo: readOffset, reached }
  const [readUpTo, base, bits] = reached
  return { readOffset, readUpTo, reached: { base, bits: Buffer.from(bits, 'base64') } }
}

export const storedReachedOf = ({ readUpTo, reached }: Marks): StoredInbox[11] =>
  reached && [readUpTo, reached.base, Buffer.from(reached.bits).toString('base64')]

/** Returns whether an inbox perhaps has an unread message. Also true if its row may lack messages. */
export const mayHaveUnread = ([, isExact, , received, , , , readReceived]: StoredInbox): boolean =>
  isExact === 0 || received > readReceived

/**
 * Returns whether an inbox perhaps has an expired message. If its row shows no message, the result is true, because the row may lack some.
 */
export const mayHaveExpired = (
  [, , offset, , , first, , , , , oldestAt]: StoredInbox,
  retention: Retention,
  now: number,
): boolean => first > offset || hasExpired(oldestAt, retention, now)
