import type { Message } from '../../../protocol/index.js'
import type { Retention } from '../../engine.js'
import { hasExpired, type Marks } from '../../decide/messages/inbox.js'
import type { TallyRow } from './tally.js'

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
 * A stored message. The offset is in the key. `MessagePut` and `ReadMessagePut` write the row as text. `mark` is 1 for an adopted message
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

/** What is stored of an inbox. */
export interface InboxRow extends Watermark {
  marks: Marks
  /** How many messages from others there are up to `marks.readUpTo`. */
  readReceived: number
  /** The offset of the oldest message that is not deleted, and the bytes of the messages before it. */
  swept: { offset: number; bytes: number }
  /** The oldest retained message was stored at this time or later. */
  oldestAt: number
  /** How many bytes the user's messages take in the inboxes of others. */
  sent: number
  /** The unfinished tally; absent if it has fewer than `MIN_STORED` messages (see tally.ts). */
  tally?: TallyRow | undefined
  /** True if the row covers every stored message. Otherwise it may lack some, and the constructor of `Inbox` looks for them. */
  isExact: boolean
}

/**
 * An inbox as it is stored. With an object and its field names in place of this array, storing a message took a quarter longer with a
 * million users.
 */
export type StoredInbox = [
  offset: number,
  received: number,
  bytes: number,
  first: number,
  readOffset: number,
  readReceived: number,
  sweptOffset: number,
  sweptBytes: number,
  oldestAt: number,
  sent: number,
  isExact: 0 | 1,
  tally: TallyRow | null,
  /** Absent if no peer ever got a mark. Then `readUpTo` is `readOffset`. The bits are in Base64. */
  reached?: [readUpTo: number, base: number, bits: string],
]

export const storedInboxOf = (row: InboxRow): StoredInbox => {
  const { swept, tally = null, isExact, marks } = row
  const stored: StoredInbox = [
    row.offset,
    row.received,
    row.bytes,
    row.first,
    marks.readOffset,
    row.readReceived,
    swept.offset,
    swept.bytes,
    row.oldestAt,
    row.sent,
    isExact ? 1 : 0,
    tally,
  ]
  const { readUpTo, reached } = marks
  if (reached) stored.push([readUpTo, reached.base, Buffer.from(reached.bits).toString('base64')])
  return stored
}

/** The marks of an inbox of which nothing is read. All such inboxes share one object. */
const NO_MARKS: Marks = { readOffset: 0, readUpTo: 0, reached: undefined }

const marksOf = (readOffset: number, reached: StoredInbox[12]): Marks => {
  if (!reached) return readOffset === 0 ? NO_MARKS : { readOffset, readUpTo: readOffset, reached }
  const [readUpTo, base, bits] = reached
  return { readOffset, readUpTo, reached: { base, bits: Buffer.from(bits, 'base64') } }
}

export const inboxRowOf = ([
  offset,
  received,
  bytes,
  first,
  readOffset,
  readReceived,
  sweptOffset,
  sweptBytes,
  oldestAt,
  sent,
  isExact,
  tally,
  reached,
]: StoredInbox): InboxRow => ({
  offset,
  received,
  bytes,
  first,
  marks: marksOf(readOffset, reached),
  readReceived,
  swept: { offset: sweptOffset, bytes: sweptBytes },
  oldestAt,
  sent,
  tally: tally ?? undefined,
  isExact: isExact === 1,
})

/** The watermark of every new inbox. All share one object, because most inboxes stay empty. */
export const EMPTY: Watermark = { offset: 0, received: 0, bytes: 0, first: 1 }

/** The state of an inbox without a row. */
export const NO_ROW: InboxRow = {
  ...EMPTY,
  marks: NO_MARKS,
  readReceived: 0,
  swept: { offset: 1, bytes: 0 },
  oldestAt: 0,
  sent: 0,
  isExact: false,
}

/**
 * Returns whether an inbox perhaps has an expired message. If its row shows no message, the result is true, because the row may lack some.
 */
export const mayHaveExpired = (
  { offset, first, oldestAt }: InboxRow,
  retention: Retention,
  now: number,
): boolean => first > offset || hasExpired(oldestAt, retention, now)
