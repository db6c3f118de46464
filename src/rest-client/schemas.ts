import * as v from 'valibot'
import {
  isUserId,
  limits,
  parseProfile,
  profileFields,
  signalLimits,
  USER_ID_RULE,
  type Profile,
} from '../protocol/index.js'
import { object, profileProblem } from '../protocol/internal.js'

export const integer = (from: number, to: number) => {
  const message = `must be a whole number from ${from} to ${to}`
  return v.pipe(v.number(message), v.integer(message), v.minValue(from, message), v.maxValue(to, message))
}

export const count = integer(0, Number.MAX_SAFE_INTEGER)
const time = v.pipe(count, v.description('Unix time in milliseconds.'))

const USER_ID = `must be a user id: ${USER_ID_RULE}`

/** A user id. JSON may have a safe integer in place of the text. */
export const userId = v.pipe(
  v.union(
    [
      v.pipe(v.string(), v.check(isUserId, USER_ID), v.metadata({ minLength: 1, maxLength: limits.userId })),
      v.pipe(v.number(), v.safeInteger(USER_ID)),
    ],
    USER_ID,
  ),
  v.transform(String),
)

/** The fields of a profile: texts, with what is to be said of some. */
const profileEntries = {
  ...(Object.fromEntries(Object.keys(profileFields).map((name) => [name, v.optional(v.string())])) as Record<
    keyof Profile,
    v.OptionalSchema<v.StringSchema<undefined>, undefined>
  >),
  photoUrl: v.optional(v.pipe(v.string(), v.description('An https URL.'))),
  custom: v.optional(
    v.pipe(v.record(v.string(), v.string()), v.description('Fields that the app names itself.')),
  ),
}

const profile = v.pipe(v.object(profileEntries), v.description('At most 4 kB as JSON.'))

/** A profile in a request. A Valibot record would drop fields such as `constructor`; `parseProfile` keeps them. */
export const profileBody = v.pipe(
  v.custom<Profile>(
    (value) => parseProfile(value) !== undefined,
    ({ input }) => `The body is no profile: ${profileProblem(input)}.`,
  ),
  v.transform((value) => parseProfile(value) ?? {}),
)

const user = v.pipe(
  v.object({ id: v.string(), ...profileEntries }),
  v.description(
    'A user with the profile that other users see. A field from the app’s backend wins over the same field from the client.',
  ),
)

export const OBJECT_RULE = 'must be a JSON object'

export const jsonObject = v.custom<Record<string, unknown>>(object, OBJECT_RULE)

const inbox = v.pipe(
  v.object({
    epoch: v.pipe(
      v.string(),
      v.description(
        'Offsets of different epochs can’t be compared. A deletion of the user changes the epoch.',
      ),
    ),
    offset: v.pipe(count, v.description('The offset of the newest message; 0 if there was none.')),
    readOffset: v.pipe(count, v.description('All messages up to this offset are read.')),
    unread: count,
  }),
  v.description('The state of an inbox.'),
)

const userState = v.object({
  user,
  online: v.pipe(
    v.boolean(),
    v.description('Whether a connection carries a session of the user, or one did less than 20 seconds ago.'),
  ),
  sessions: v.pipe(count, v.description('The number of sessions that have not ended.')),
  lastSeenAt: v.nullable(time),
  revokedBefore: v.nullable(
    v.pipe(time, v.description('Credentials that were issued up to this time are revoked.')),
  ),
  inbox,
})

const userStatus = v.object({
  id: v.string(),
  online: v.boolean(),
  sessions: count,
  lastSeenAt: v.nullable(time),
  unread: count,
})

const session = v.object({
  id: v.string(),
  state: v.pipe(
    v.picklist(['active', 'detached']),
    v.description('`detached`: no connection carries the session, which waits for its client to return.'),
  ),
  hidden: v.pipe(v.boolean(), v.description('Whether the session’s page is hidden.')),
  way: v.pipe(
    v.picklist(['token', 'signature', 'authParams', 'guest']),
    v.description('How the user logged in.'),
  ),
  tokenId: v.nullable(v.pipe(v.string(), v.description('The `jti` of the token.'))),
  issuedAt: v.nullable(time),
  expiresAt: v.nullable(time),
  origin: v.nullable(v.string()),
  address: v.string(),
  client: v.nullable(v.pipe(v.string(), v.description('The name and version of the client.'))),
  startedAt: time,
  lastSeenAt: time,
  rtt: v.nullable(v.pipe(count, v.description('The round-trip time of a ping, in milliseconds.'))),
  node: v.pipe(
    v.string(),
    v.description('The gateway that the session is connected to: its host name and process id.'),
  ),
})

const subscription = v.pipe(
  v.object({
    id: v.string(),
    host: v.pipe(v.string(), v.description('The host of the push service.')),
    createdAt: time,
    renewedAt: v.pipe(time, v.description('When a page last sent the subscription.')),
    lastSuccessAt: v.nullable(
      v.pipe(time, v.description('When the push service last accepted a push; null if it never did.')),
    ),
  }),
  v.description('A device that is reached while no page is open.'),
)

const message = v.object({
  offset: v.pipe(count, v.description('The position in this inbox.')),
  id: v.string(),
  from: v.nullable(v.pipe(v.string(), v.description('The sender’s user id; null for the app’s backend.'))),
  to: v.string(),
  sender: v.nullable(v.object({ name: v.optional(v.string()), photoUrl: v.optional(v.string()) })),
  body: v.optional(v.string()),
  data: v.optional(jsonObject),
  sentAt: time,
  adopted: v.optional(
    v.pipe(
      v.literal(true),
      v.description('The message comes from the inbox of a guest whom this user has adopted.'),
    ),
  ),
})

const peer = v.pipe(
  v.object({
    id: v.nullable(v.pipe(v.string(), v.description('The user id; null for the app’s backend.'))),
    name: v.nullable(v.pipe(v.string(), v.description('The name in the peer’s newest kept message.'))),
    photoUrl: v.nullable(v.string()),
    unread: v.pipe(count, v.description('How many of the peer’s messages are unread.')),
    readOffset: v.pipe(count, v.description('The peer’s messages up to this offset are read.')),
    newest: message,
  }),
  v.description('A user, or the app’s backend, whose messages with this user are kept.'),
)

/** The state of an inbox; if the request names a peer, also the state of the messages with the peer. */
const readInbox = v.object({
  ...inbox.entries,
  with: v.optional(v.nullable(v.pipe(v.string(), v.description('The peer that the request names.')))),
  unreadWith: v.optional(v.pipe(count, v.description('How many of the peer’s messages are unread.'))),
  readOffsetWith: v.optional(v.pipe(count, v.description('The peer’s messages up to this offset are read.'))),
})

const adoption = v.object({
  guest: v.string(),
  messages: v.pipe(count, v.description('How many messages the guest had.')),
})

const sent = v.object({
  id: v.string(),
  offset: v.pipe(count, v.description('The position in the recipient’s inbox.')),
  sentAt: time,
})

const problem = v.pipe(
  v.object({
    status: v.pipe(v.number(), v.integer(), v.description('The HTTP status.')),
    code: v.pipe(v.string(), v.description('For programs. New codes may be added.')),
    title: v.pipe(v.string(), v.description('A sentence for the developer.')),
  }),
  v.description('Why a call failed (RFC 9457).'),
)

const revoked = v.object({
  revokedBefore: v.pipe(
    time,
    v.description(
      'Credentials that were issued up to this time are revoked. A further revocation never moves this time back.',
    ),
  ),
  within: v.optional(
    v.pipe(
      count,
      v.description(
        'With `mode=reauth`: the seconds within which a live client must send a token that is not revoked.',
      ),
    ),
  ),
})

/** The schemas that have a name in the OpenAPI document. */
export const schemas = {
  Profile: profile,
  User: user,
  UserState: userState,
  UserStatus: userStatus,
  Inbox: inbox,
  ReadInbox: readInbox,
  Peer: peer,
  Session: session,
  Subscription: subscription,
  Message: message,
  Adoption: adoption,
  Sent: sent,
  Revoked: revoked,
  Problem: problem,
}

/** The peer that a body names; null for the app's backend. */
export const withField = v.optional(v.nullable(userId))

export const since = v.optional(
  v.pipe(
    v.string(),
    v.description(
      'The position `EPOCH/OFFSET` up to which the list reaches: a session that starts with this position gets the later messages. Absent on a page of the list that does not reach the newest message.',
    ),
  ),
)

/** The fields of a message in a request, besides its recipients. `messages/rules.ts` checks their sizes. */
export const messageFields = {
  id: v.optional(
    v.pipe(
      v.string('must be a text'),
      v.metadata({ minLength: 1, maxLength: limits.messageId }),
      v.description(
        'Makes a retry safe: the same `id` with the same content is stored once. Left out: the gateway chooses one.',
      ),
    ),
  ),
  from: v.optional(
    v.pipe(userId, v.description('The sender’s user id. Left out: the message is from the app’s backend.')),
  ),
  body: v.optional(
    v.pipe(
      v.string('must be a text'),
      v.description('A message has a `body`, `data` or both, at most 16 kB together.'),
    ),
  ),
  data: v.optional(jsonObject),
}

/** The fields of a signal. `messages/signal-rules.ts` checks their sizes. */
export const signalFields = {
  from: v.optional(
    v.pipe(userId, v.description('The sender’s user id. Left out: the signal is from the app’s backend.')),
  ),
  name: v.pipe(
    v.string('must be a text'),
    v.metadata({ minLength: 1, maxLength: signalLimits.name }),
    v.description('The name by which the pages recognize the signal.'),
  ),
  data: v.optional(jsonObject),
  ttl: v.optional(
    v.pipe(
      integer(1, signalLimits.ttl),
      v.description(`Milliseconds for which the signal is valid. Left out: ${signalLimits.defaultTtl}.`),
    ),
  ),
}
