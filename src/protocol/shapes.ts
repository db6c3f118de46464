import { profileFields } from './profile.js'
import { count, literal, nullable, number, object, optional, shape, text, type Checked } from './schema.js'

export const user = shape({ id: text, ...profileFields })
export type User = Checked<typeof user>

/** A place in an inbox: an offset, and the epoch in which it counts. */
export const position = shape({ epoch: text, offset: count })

export const resumption = shape({ key: text, epoch: text, offset: count })
export type Resumption = Checked<typeof resumption>

export const messageFields = {
  offset: count,
  id: text,
  from: nullable(text),
  to: text,
  sender: nullable(shape({ name: optional(text), photoUrl: optional(text) })),
  body: optional(text),
  data: optional(object),
  sentAt: number,
  adopted: optional(literal(true)),
}
export const message = shape(messageFields)
/**
 * One message in an inbox. `sentAt` is Unix time in milliseconds. `from` is null if the app's backend sent the message. `adopted`: the user
 * has taken over the message from a guest.
 */
export type Message = Checked<typeof message>
