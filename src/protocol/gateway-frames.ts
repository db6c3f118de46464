import {
  boolean,
  count,
  list,
  literal,
  nullable,
  number,
  optional,
  shape,
  text,
  type FrameOf,
} from './schema.js'
import { message, messageFields, user } from './shapes.js'

/** Every frame that a gateway may send, and the types of its fields. Durations are in milliseconds. */
export const gatewayFrames = {
  started: {
    sessionId: text,
    user,
    guest: boolean,
    resumed: boolean,
    resumeKey: text,
    resumeWindow: number,
    epoch: text,
    offset: count,
    lost: boolean,
    unread: count,
    expiresIn: nullable(number),
    pingInterval: number,
    sendWindow: number,
    reconnectWindow: optional(number),
    token: optional(text),
    adopted: optional(nullable(shape({ guest: text, messages: count }))),
    can: optional(list(text)),
  },
  renewed: { expiresIn: nullable(number), reauth: optional(literal(true)) },
  message: messageFields,
  sent: { id: text, offset: count, sentAt: number },
  history: { id: text, messages: list(message) },
  unread: { unread: count, readOffset: count },
  user: { user },
  refused: {
    re: text,
    id: optional(text),
    code: text,
    message: text,
    retryable: boolean,
    retryAfter: optional(number),
  },
  ping: {},
  ended: { code: text, message: text, retryable: boolean, retryAfter: optional(number) },
} as const

export type GatewayFrame = FrameOf<typeof gatewayFrames>
export type GatewayFrameOf<T extends GatewayFrame['type']> = Extract<GatewayFrame, { type: T }>
