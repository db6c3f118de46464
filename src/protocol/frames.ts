import { profile, profileFields } from './profile.js'
import {
  count,
  boolean,
  list,
  literal,
  nullable,
  number,
  object,
  optional,
  shape,
  text,
  type Checked,
  type FrameOf,
} from './schema.js'

/** The subprotocol of both sides. The gateway echoes only this one. */
export const SUBPROTOCOL = 'chat-session.v1'

/** The prefix of the subprotocol that carries the start frame. The base64url of its JSON follows. */
export const START_PREFIX = 'start.'

const user = shape({ id: text, ...profileFields })
export type User = Checked<typeof user>

const resumption = shape({ key: text, epoch: text, offset: count })
export type Resumption = Checked<typeof resumption>

const messageFields = {
  offset: count,
  id: text,
  from: nullable(text),
  to: text,
  sender: nullable(shape({ name: optional(text), photoUrl: optional(text) })),
  body: optional(text),
  data: optional(object),
  sentAt: number,
}
export const message = shape(messageFields)
/** One message in an inbox. `sentAt` is Unix time in milliseconds, `from` is null for the app's backend. */
export type Message = Checked<typeof message>

/** Frames with a developer's input. The client checks them before it sends them, because a bad one ends the connection. */
export const requestFrames = {
  send: { id: text, to: text, body: optional(text), data: optional(object) },
  history: {
    id: text,
    epoch: text,
    after: optional(count),
    before: optional(count),
    limit: optional(count),
  },
  read: { epoch: text, offset: count },
  profile: { user: profile },
} as const

/** Every frame that a client may send, and the types of its fields. */
export const clientFrames = {
  start: {
    appId: text,
    token: optional(text),
    signature: optional(text),
    authParams: optional(object),
    guest: optional(literal(true)),
    userId: optional(text),
    user: optional(profile),
    resume: optional(resumption),
    since: optional(shape({ epoch: text, offset: count })),
    hidden: optional(literal(true)),
    client: optional(text),
  },
  token: { token: text },
  ...requestFrames,
  visibility: { hidden: boolean },
  pong: {},
  end: {},
} as const

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

export type ClientFrame = FrameOf<typeof clientFrames>
export type GatewayFrame = FrameOf<typeof gatewayFrames>
export type ClientFrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>
export type GatewayFrameOf<T extends GatewayFrame['type']> = Extract<GatewayFrame, { type: T }>
