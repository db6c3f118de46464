import type { Message } from 'chat-session'

/** Both in one list, in the inbox's order: what `history()` answers may cross what an event brings. */
export const merged = (messages: readonly Message[], more: readonly Message[]): Message[] =>
  [...new Map([...messages, ...more].map((message) => [message.offset, message])).values()].sort(
    (one, other) => one.offset - other.offset,
  )
