import type { JsonObject } from './schema.js'

/** A message to send: a body, data, or both; 16 kB together. */
export interface NewMessage {
  /** The user id of the recipient. A number is converted to a string. */
  to: string | number
  /**
   * 1 to 64 characters, unique among the sender's messages to `to`: a retry with the same id stores nothing twice. @default a random one
   */
  id?: string | undefined
  body?: string | undefined
  data?: JsonObject | undefined
}
