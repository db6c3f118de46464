import type { engineRules } from '../../rules.js'

/** The fields of a user's hash. */
const user = {
  /** When the user was created. It is absent if there is no user, but an inbox or a revocation. */
  createdAt: 'cr',
  /** The profile that tokens vouch for, and the one that the user claims: JSON, absent if it is empty. */
  vouched: 'v',
  vouchedAt: 'va',
  claimed: 'c',
  /** The user's name and photo as messages carry them: JSON. */
  sender: 's',
  /** `1` for a guest. */
  guest: 'g',
  /** Until when a guest without a session is kept. */
  keptUntil: 'sb',
  /** The time up to which the user's credentials are revoked. */
  revokedBefore: 'rb',
  /** When the last session was seen that has ended. */
  lastSeenAt: 'ls',
  /** How often the user was deleted: the last digits of an epoch's number. */
  deletions: 'e',
  /** The newest offset of the inbox, and the oldest that is retained. */
  newest: 'last',
  first: 'first',
  readOffset: 'rd',
  unread: 'un',
  /** The bytes of the inbox's messages. */
  bytes: 'by',
  /** When the oldest message was stored, or a time before that. */
  oldestAt: 'at',
  /** The nodes to which the user's sessions are attached, separated by spaces. */
  nodes: 'on',
  /** `1` if the user counts as online. */
  online: 'ol',
  /** When the next session ends or no longer makes the user online. */
  sessionsDueAt: 'sx',
  /** When to look for unread messages, and the first offset of those. */
  unreadCheckAt: 'uc',
  unreadCheckOffset: 'uo',
  /** The least of these times: the user's score in `deadlines`. */
  dueAt: 'nx',
} as const

/** The fields of a session's row, which is JSON. */
const session = {
  /** The number of the session's start. Starts, detachments and hidings of an app have one sequence in a partition. */
  number: 'n',
  startedAt: 's',
  lastSeenAt: 'l',
  /** The connection that carries the session, and the node of that connection. Both are absent while the session is detached. */
  connectionId: 'c',
  nodeId: 'i',
  /** The hash of the resume key, and of the key before it. */
  keyHash: 'k',
  previousKeyHash: 'p',
  /** The numbers of the page's hiding and of the session's detachment. */
  hiddenSince: 'h',
  detached: 'd',
  /** For how many milliseconds a detached session can be resumed, and until when. */
  resumableFor: 'hf',
  expiresAt: 'x',
  /** When a detached session no longer makes its user online, and whether that time has come. */
  offlineAt: 'o',
  offline: 'f',
  /** 1 for a session of a guest. */
  guest: 'g',
  rtt: 'r',
  /** Parts of the credential, which `credential` has as a whole: JSON. */
  authMethod: 'w',
  token: 't',
  issuedAt: 'ia',
  /** The name of the note at the token that a session of the user stands on the token. Absent without a token. */
  tokenUse: 'u',
  credential: 'cr',
  /** The client's origin, address, name and node: JSON. */
  facts: 'fa',
} as const satisfies Record<(typeof engineRules.makesRoom)[number] | (string & {}), string>

/** The fields of a message in the stream of an inbox. */
const entry = {
  /** The message as JSON without its offset, which is the entry's id. */
  message: 'm',
  bytes: 's',
  storedAt: 'a',
  /** The id of the sender; empty for the app's backend. */
  from: 'f',
} as const

/** What precedes a sender's id in the names of the fields that count the sender's unread messages. */
const unread = {
  messages: 'n',
  bytes: 'b',
} as const satisfies Record<(typeof engineRules.sharedLimits)[number], string>

/** The fields of the hash `state`. */
const state = {
  /** When a node reached the server last, and since when nodes have reached the server without a pause. */
  reachedAt: 't',
  reachedSince: 'f',
  /** The history of the server in which the generation began. */
  history: 'h',
  /** How many keys the server has evicted. */
  evicted: 'v',
  /** The generation of the epochs. */
  generation: 'g',
} as const

/** The first items of the events that scripts send to gateways. */
const event = {
  sessionEnded: 'e',
  connectionReplaced: 'r',
  reauth: 'a',
  userChanged: 'u',
  message: 'm',
  read: 'd',
  /** The epochs of a server have changed; in a cluster, those of a partition. */
  generation: 'g',
  webhooksDue: 'w',
  canary: 'k',
  counts: 'c',
  /** A session does not stand on its token any more. */
  tokenReleased: 't',
} as const

/**
 * The names of fields in Redis, by the names that TypeScript and Lua use. Those in Redis are short, because a Redis may have millions of
 * users and sessions. A script reads `fields.session` as `SESSION`, and so on.
 */
export const fields = { user, session, entry, unread, state, event }
