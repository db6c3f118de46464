import type { Message } from 'chat-session'

/** Merges messages by offset, in order. A message may be in the result of `history()` and in an event. */
export const merged = (messages: readonly Message[], more: readonly Message[]): Message[] =>
  [...new Map([...messages, ...more].map((message) => [message.offset, message])).values()].sort(
    (one, other) => one.offset - other.offset,
  )
