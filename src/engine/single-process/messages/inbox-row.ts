import type { Message } from '../../../protocol/index.js'

/** Bytes of messages by their sender. */
export type SenderBytes = [sender: string, bytes: number][]

/** A stored message with sums of the messages before it, so that one row suffices to count them. */
export interface MessageRow {
  message: Message
  /** When the message was stored, by the engine's clock. (`sentAt` is by the machine's clock, which may be wrong.) */
  at: number
  /** Messages from others before this one. */
  received: number
  /** Bytes of the messages before this one. */
  bytes: number
  /** Bytes of this message. */
  size: number
  /** The oldest offset that is retained after this message. */
  first: number
  /** Whether the message counts as read, wherever the read mark stands: the guest who had it before has read it. */
  isRead: boolean
  /** If the message is the last of its tally: the bytes of these messages by sender. */
  senders: SenderBytes | undefined
  /** For the message's pushes. */
  traceparent: string | undefined
}

/** A stored message. The key has the offset. `MessagePut` and `ReadMessagePut` write the row as text. A 1 at its end is
 * `isRead`, a text there `traceparent`, and a list `senders`. */
export type StoredMessage = [
  at: number,
  received: number,
  bytes: number,
  size: number,
  first: number,
  message: Omit<Message, 'offset'>,
  ...marks: (1 | string | SenderBytes)[],
]

export const messageRowOf = (
  offset: number,
  [at, received, bytes, size, first, message, ...marks]: StoredMessage,
): MessageRow => ({
  ...{ message: { offset, ...message }, at, received, bytes, size, first },
  isRead: marks.includes(1),
  senders: marks.find((mark) => typeof mark === 'object'),
  traceparent: marks.find((mark) => typeof mark === 'string'),
})

/** Returns whom a message of `owner`'s inbox counts for as its sender: the owner, if it counts as read. */
export const countedSender = ({ message, isRead }: MessageRow, owner: string): string | null =>
  isRead ? owner : message.from

/** The part of a row that decides which messages are retained. */
export interface MessageSummary extends Pick<MessageRow, 'bytes' | 'size'> {
  from: string | null
}

/** The end of an inbox: the newest offset, sums of the messages up to it, and the oldest offset that is retained. */
export interface Watermark {
  /** The newest offset. */
  offset: number
  /** Messages from others up to `offset`. */
  received: number
  /** Bytes of the messages up to `offset`. */
  bytes: number
  /** The oldest offset that is retained. */
  first: number
}

/** An inbox as it is stored. */
export interface InboxRow extends Watermark {
  readOffset: number
  /**
   * The offset up to which all messages are read, by the mark of the inbox or those of peers. Absent if no peer was marked: then it is
   * `readOffset`.
   */
  readUpTo?: number | undefined
  /** Messages from others up to that offset. */
  readReceived: number
  /** The offset of the oldest message that is not deleted, and the bytes of the messages before it. */
  swept: { offset: number; bytes: number }
  /** A lower bound of the time at which the oldest retained message was stored. */
  oldestAt: number
  /** Bytes that the user's messages take in the inboxes of others. */
  sent?: number
  /** The sums of the tally that the newest message shares; absent if there are none. */
  senders?: SenderBytes | undefined
  /** Whether the row covers every stored message. If it does not, opening the inbox looks for messages after those of the row. */
  isExact: boolean
}

/** The watermark of every new inbox. They share one object, since most inboxes stay empty. */
export const EMPTY: Watermark = { offset: 0, received: 0, bytes: 0, first: 1 }

/** What an inbox without a row begins with. */
export const NO_ROW: InboxRow = {
  ...EMPTY,
  readOffset: 0,
  readReceived: 0,
  swept: { offset: 1, bytes: 0 },
  oldestAt: 0,
  isExact: false,
}

/**
 * Returns whether, judging by its row alone, an inbox may have an expired message. If the row has no messages, there may be messages that
 * it does not cover.
 */
export const mayHaveExpired = ({ offset, first, oldestAt }: InboxRow, now: number, age: number): boolean =>
  first > offset || oldestAt + age <= now
