import type { JsonObject } from '../protocol/index.js'

/** A message to send: a body, data, or both; 16 kB together. */
export interface Draft {
  /** The user id of the recipient. */
  to: string | number
  body?: string | undefined
  data?: JsonObject | undefined
}

/** A message that is durable. */
export interface Sent {
  id: string
  /** The position of the sender's own copy in their inbox. */
  offset: number
  /** Unix time in milliseconds. */
  sentAt: number
}

/** A part of the inbox: after an offset, before one, or the newest messages. */
export interface HistoryRange {
  after?: number | undefined
  before?: number | undefined
  /** 1 to 100. @default 50 */
  limit?: number | undefined
}
