import type { Message } from '../../../protocol/index.js'

/** A stored message with the sums of the messages before it, so that counting reads one row instead of all. */
export interface MessageRow {
  message: Message
  /** When the message was stored, by the engine's clock. `sentAt` is the machine's time, which may be wrong. */
  at: number
  /** Messages from others before this one. */
  received: number
  /** Bytes of the messages before this one. */
  bytes: number
  /** Bytes of this message. */
  size: number
  /** The oldest offset that is retained once this message is stored. */
  first: number
}

/** A stored message. The key has the offset. `MessagePut` writes the row as text. */
export type StoredMessage = [
  at: number,
  received: number,
  bytes: number,
  size: number,
  first: number,
  message: Omit<Message, 'offset'>,
]

export const messageRowOf = (
  offset: number,
  [at, received, bytes, size, first, message]: StoredMessage,
): MessageRow => ({ message: { offset, ...message }, at, received, bytes, size, first })

/** The part of a row that decides which messages are retained. */
export interface MessageSummary extends Pick<MessageRow, 'bytes' | 'size'> {
  from: string | null
}

/** The end of an inbox with the sums of the messages up to it, and the oldest message that is retained. */
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
  /** Messages from others up to `readOffset`. */
  readReceived: number
  /** The oldest message that is not deleted, and the bytes of the messages before it. */
  swept: { offset: number; bytes: number }
  /** A lower bound of the time at which the oldest retained message was stored. */
  oldestAt: number
  /** Whether the row covers every message that is stored. If it does not, opening the inbox looks for messages beyond the row. */
  isExact: boolean
}

/** Returns whether an inbox may have an expired message, judged by its row alone. A row without messages may lag behind. */
export const mayHaveExpired = ({ offset, first, oldestAt }: InboxRow, now: number, age: number): boolean =>
  first > offset || oldestAt + age <= now
