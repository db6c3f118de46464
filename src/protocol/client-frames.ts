import { boolean, literal, nullable, number, object, optional, shape, text, type FrameOf } from './schema.js'
import { callFrames } from './call-frames.js'
import { position, resumption } from './shapes.js'

/** The subprotocol that a client offers and the gateway echoes. */
export const SUBPROTOCOL = 'chat-session.v1'

/** The prefix of the subprotocol that carries the `start` frame. After the prefix comes the frame's JSON in base64url. */
export const START_PREFIX = 'start.'

/**
 * Checks of the fields that a developer sets in a message. The client checks these fields before it sends the frame, because a bad frame
 * ends the connection.
 */
export const sendFields = { id: text, to: text, body: optional(text), data: optional(object) } as const

/** Every frame that a client may send, and the types of its fields. */
export const clientFrames = {
  start: {
    appId: text,
    token: optional(text),
    signature: optional(text),
    authParams: optional(object),
    guest: optional(literal(true)),
    userId: optional(text),
    // The gateway leaves out what is no field of a profile.
    user: optional(object),
    resume: optional(resumption),
    since: optional(position),
    adopt: optional(text),
    hidden: optional(literal(true)),
    client: optional(text),
  },
  token: { token: text },
  // This package's client sends no `traceparent`. So `sendFields`, which is in the script that every page loads, lacks this check.
  send: { ...sendFields, traceparent: optional(text) },
  // The session itself makes `id` and `epoch`. So these fields are not in `callFrames`, with which the client checks what a developer sets.
  history: { id: text, epoch: text, ...callFrames.history },
  read: { epoch: text, ...callFrames.read },
  peers: { id: text, ...callFrames.peers },
  profile: callFrames.profile,
  signal: callFrames.signal,
  watch: callFrames.watch,
  push: {
    subscription: nullable(
      shape({
        endpoint: text,
        expirationTime: optional(nullable(number)),
        keys: shape({ p256dh: text, auth: text }),
      }),
    ),
    endpoint: optional(text),
  },
  visibility: { hidden: boolean },
  pong: {},
  end: {},
} as const

export type ClientFrame = FrameOf<typeof clientFrames>
export type ClientFrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>
