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
