import { profile } from './profile.js'
import {
  boolean,
  count,
  list,
  literal,
  nullable,
  number,
  object,
  optional,
  text,
  type FrameOf,
} from './schema.js'
import { position, resumption } from './shapes.js'

/** The subprotocol of both sides. The gateway echoes only this one. */
export const SUBPROTOCOL = 'chat-session.v1'

/** The prefix of the subprotocol that carries the start frame. The base64url of its JSON follows. */
export const START_PREFIX = 'start.'

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
  peers: { id: text, before: optional(position), limit: optional(count) },
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
    since: optional(position),
    adopt: optional(text),
    hidden: optional(literal(true)),
    client: optional(text),
  },
  token: { token: text },
  ...requestFrames,
  // This package's client sends no `traceparent`, and its script has no room for the check.
  send: { ...requestFrames.send, traceparent: optional(text) },
  // The session makes a text or null of these.
  history: { ...requestFrames.history, with: optional(nullable(text)) },
  read: { ...requestFrames.read, with: optional(nullable(text)) },
  signal: { to: text, name: text, data: optional(object), ttl: optional(number) },
  watch: { users: list(text) },
  visibility: { hidden: boolean },
  pong: {},
  end: {},
} as const

export type ClientFrame = FrameOf<typeof clientFrames>
export type ClientFrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>
