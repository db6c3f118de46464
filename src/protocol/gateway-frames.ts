import {
  boolean,
  count,
  list,
  literal,
  nullable,
  number,
  object,
  optional,
  shape,
  text,
  type FrameOf,
} from './schema.js'
import { message, messageFields, position, user } from './shapes.js'

const peer = shape({
  id: nullable(text),
  name: nullable(text),
  photoUrl: nullable(text),
  unread: count,
  readOffset: count,
  newest: message,
})

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
    pushKey: optional(text),
    can: optional(list(text)),
  },
  renewed: { expiresIn: nullable(number), reauth: optional(literal(true)) },
  message: messageFields,
  sent: { id: text, offset: count, sentAt: number },
  history: { id: text, messages: list(message), next: optional(count) },
  peers: { id: text, peers: list(peer), next: optional(position) },
  unread: {
    unread: count,
    readOffset: count,
    with: optional(nullable(text)),
    unreadWith: optional(count),
    readOffsetWith: optional(count),
  },
  user: { user },
  refused: {
    re: text,
    id: optional(text),
    code: text,
    message: text,
    retryable: boolean,
    retryAfter: optional(number),
  },
  signal: { from: nullable(text), name: text, data: optional(object), ttl: number },
  presence: { users: list(shape({ id: text, online: boolean, lastSeenAt: nullable(number) })) },
  ping: {},
  ended: { code: text, message: text, retryable: boolean, retryAfter: optional(number) },
} as const

export type GatewayFrame = FrameOf<typeof gatewayFrames>
export type GatewayFrameOf<T extends GatewayFrame['type']> = Extract<GatewayFrame, { type: T }>
