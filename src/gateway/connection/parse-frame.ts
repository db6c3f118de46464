import {
  clientFrames,
  parse,
  parseProfile,
  type ClientFrame,
  type ClientFrameOf,
  type Parsed,
} from '../../protocol/index.js'
import { knownFields, parseExact } from '../../protocol/internal.js'

export const PONG = '{"type":"pong"}'
/** The frame `pong` without fields. It is parsed only once, because idle clients send little else. */
const parsedPong = parse(clientFrames, PONG)

/** The names of the fields of each frame. */
const fieldsOf = Object.fromEntries(
  Object.entries(clientFrames).map(([type, fields]) => [type, ['type', ...Object.keys(fields)]]),
)

/** Returns the objects in a frame without the fields that the protocol does not know. */
const knownObjects = (frame: ClientFrame): object => {
  switch (frame.type) {
    case 'start': {
      const { user, resume, since } = frame
      return {
        // A field that breaks a rule stays, because `admit` says that it leaves the field out.
        ...(user && { user: knownFields(user) }),
        ...(resume && { resume: { key: resume.key, epoch: resume.epoch, offset: resume.offset } }),
        ...(since && { since: { epoch: since.epoch, offset: since.offset } }),
      }
    }
    case 'peers': {
      const { before } = frame
      return before ? { before: { epoch: before.epoch, offset: before.offset } } : {}
    }
    case 'profile':
      return { user: parseProfile(frame.user) ?? frame.user }
    case 'push': {
      if (!frame.subscription) return {}
      const { endpoint, expirationTime = null, keys } = frame.subscription
      return { subscription: { endpoint, expirationTime, keys: { p256dh: keys.p256dh, auth: keys.auth } } }
    }
    default:
      return {}
  }
}

/**
 * Returns a frame without the fields that the protocol does not know. A start is kept until its user is authenticated and saved, and other
 * frames until they are answered. A client could send fields which take 20 times as much memory as their text.
 */
const withoutUnknownFields = <Frame extends ClientFrame>(frame: Frame): Frame => ({
  ...(Object.fromEntries(
    Object.entries(frame).filter(([name]) => fieldsOf[frame.type]?.includes(name)),
  ) as Frame),
  ...knownObjects(frame),
})

/** A frame with at most this many characters is kept with its unknown fields, because it takes little memory. */
const MAX_SMALL = 512

/** Parses a client's frame. A large frame loses the fields that the protocol does not know. */
export const parseFrame = (text: string): Parsed<ClientFrame> => {
  if (text === PONG) return parsedPong
  const parsed = parse(clientFrames, text)
  return parsed.ok && text.length > MAX_SMALL
    ? { ok: true, frame: withoutUnknownFields(parsed.frame) }
    : parsed
}

/** Returns the start of a text that `parseFrame` has parsed before. */
export const parseStart = (text: string): ClientFrameOf<'start'> =>
  withoutUnknownFields(parseExact(text) as ClientFrameOf<'start'>)
