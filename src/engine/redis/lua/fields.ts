import type { engineRules } from '../../rules.js'

/** The fields of a user's hash. */
const user = {
  /** When the user was created. It is absent if there is no user, but for example an inbox or a revocation. */
  createdAt: 'cr',
  /**
   * The profile that the backend vouches for, its time, and the profile that clients claim. A profile is JSON, and absent if it is empty.
   */
  vouched: 'v',
  vouchedAt: 'va',
  claimed: 'c',
  /** The user's name and photo as messages carry them: JSON. */
  sender: 's',
  /** `1` for a guest. */
  guest: 'g',
  /**
   * Until when a guest without a session, or the record of an adoption, is kept. 0 if the next `user-due` has to delete the guest with the
   * empty inbox.
   */
  keptUntil: 'sb',
  /**
   * For a guest whom a user has adopted, that is, taken over: JSON of that user's id, when that user was created, when the guest was
   * created, and how many messages the guest had. It is kept until `keptUntil`.
   */
  adoption: 'ad',
  /** When the sweeper, which does what is due, moves more messages of an adopted guest. It is absent if none are left to move. */
  moveDueAt: 'md',
  /** The time up to which the user's credentials are revoked. */
  revokedBefore: 'rb',
  /** When the user was last seen. It is written when a session ends, and when the user goes offline. */
  lastSeenAt: 'ls',
  /** The numbers of the inbox, packed by `cmsgpack`. It is absent if there never was an inbox. */
  inbox: 'in',
  /** The ids of the nodes (engines of gateways) whose connections carry the user's sessions, separated by spaces. */
  nodes: 'on',
  /** `1` if the user counts as online. */
  online: 'ol',
  /** When the next session ends or no longer makes the user online. */
  sessionsDueAt: 'sx',
  /** When to look for unread messages, and the offset from which to look. */
  unreadCheckAt: 'uc',
  unreadCheckOffset: 'uo',
  /**
   * The devices that reach the user while no page is open, as JSON, and how many devices there are. Both fields are absent if there is
   * none.
   */
  devices: 'pd',
  deviceCount: 'pn',
  /** When there may be something to push to the devices. */
  pushDueAt: 'px',
  /** The call that last sent `pushDue` to a node. It also set `pushDueAt` to the end of the time in which that node pushes. */
  pushCall: 'pc',
  /** The earliest of the user's deadlines, which is the user's score in `deadlines`. */
  dueAt: 'nx',
} as const

/** The numbers of a user's inbox, in the order of the field `inbox`. */
export const inboxNumbers = [
  /** How many inboxes of the user were deleted. The number of the inbox's epoch (`state.lua`) ends with these digits. */
  'deletions',
  /** The newest offset, and the oldest that is retained. */
  'newest',
  'first',
  'readOffset',
  /** The offset up to which all messages are read; nil if no mark of a peer (whom messages are with) was set since everything was read. */
  'readUpTo',
  'unread',
  /** The bytes of the messages. */
  'bytes',
  /** When the oldest message was stored, or an earlier time; nil if the inbox never had a message. */
  'oldestAt',
] as const

export type InboxNumber = (typeof inboxNumbers)[number]

type UserField = keyof typeof user
const userFields = Object.keys(user) as UserField[]

/** Fields of a user that few scripts read. */
const large: readonly UserField[] = ['vouched', 'vouchedAt', 'claimed', 'devices']

/** The fields of a user that a message needs, besides `inbox`. */
const ofMessages: readonly UserField[] = ['createdAt', 'sender', 'nodes', 'online', 'deviceCount']

/** Fields of a user that are not numbers. */
const texts: readonly UserField[] = ['sender', 'guest', 'nodes', 'online', 'adoption', 'pushCall']

/**
 * Returns Lua that loads `inbox` and other fields of a user: the list of the fields, and the members of the table that has them. In the
 * members `value` is the reply of Redis, and the numbers of the inbox are local variables. The Lua names each field, because a loop over
 * tables of names takes several times as long.
 */
const loading = (names: readonly UserField[]): { fields: string; members: string } => ({
  fields: ['inbox' as const, ...names].map((name) => `'${user[name]}'`).join(','),
  members: [
    ...inboxNumbers.map((name) => `${name}=${name}`),
    ...names.map((name, n) => {
      const value = `value[${n + 2}]`
      return `${name}=${texts.includes(name) ? value : `${value} and tonumber(${value})`} or nil`
    }),
  ].join(','),
})
export const loadedWithDeadlines = loading(
  userFields.filter((name) => name !== 'inbox' && !large.includes(name)),
)
export const loadedInbox = loading(ofMessages)

/** The fields of a session's row, which is JSON. */
const session = {
  /** The number of the session's start. In a partition, one sequence numbers the starts, detachments and hidings of an app's sessions. */
  number: 'n',
  startedAt: 's',
  lastSeenAt: 'l',
  /** The connection that carries the session, and the node of that connection. Both are absent while the session is detached. */
  connectionId: 'c',
  nodeId: 'i',
  /** The hash of the resume key, and of the previous resume key. */
  keyHash: 'k',
  previousKeyHash: 'p',
  /** The numbers of the page's hiding and of the session's detachment. */
  hiddenSince: 'h',
  detached: 'd',
  /**
   * How many connections have carried the session. If there are two rows of one session, the row with the greater `starts` is the newer
   * one.
   */
  starts: 'q',
  /** For how many milliseconds the session can be resumed once it is detached, and until when it can. */
  resumableFor: 'hf',
  expiresAt: 'x',
  /** When a detached session no longer makes its user online, and whether that time has come. */
  offlineAt: 'o',
  offline: 'f',
  /** 1 for a session of a guest. */
  guest: 'g',
  /** The parts of the credential that scripts read. The field `credential` has the whole credential as JSON. */
  authMethod: 'w',
  token: 't',
  issuedAt: 'ia',
  /** The name under which the token's Redis hash notes that this session uses the token. It is absent if the session has no token. */
  tokenUse: 'u',
  credential: 'cr',
  /** The client's origin, address, name and node: JSON. */
  facts: 'fa',
} as const satisfies Record<(typeof engineRules.makesRoom)[number] | (string & {}), string>

/** The fields of a message in the stream of an inbox. */
const entry = {
  /** The message as JSON without its offset, which is the entry's id. */
  message: 'm',
  /**
   * When the message was stored, and whom it is with, separated by a space. After the space come `r` and the sender's id, which is empty
   * for the app's backend. A message that counts as read, wherever the read mark stands, has `x` in place of `r`: a guest who had it before
   * has read it. A message that the inbox's user has sent has `s` and the recipient's id. Time and peer are one field, because each field
   * takes time.
   */
  about: 'w',
  /** What `unreadSenders` adds to the message, as JSON with a comma before it. */
  trace: 't',
} as const

/**
 * The beginnings of names in the hash `unread`. A sender's id follows in the fields that count the sender's unread messages, and a peer's
 * id in the field of the peer's mark.
 */
const unread = {
  messages: 'n',
  bytes: 'b',
  /** The offset up to which the peer's messages are read, and that of the peer's newest message when the mark was set. */
  mark: 'm',
} as const satisfies Record<(typeof engineRules.sharedLimits)[number] | (string & {}), string>

/** The fields of the record of a queue of pending webhook events. */
const queue = {
  /** About how many bytes the events take. */
  bytes: 'b',
  /** What the newest event says about the user's presence. */
  online: 'o',
  /** The number of the newest event about presence, and what the event before that one says about presence. */
  presence: 'p',
  before: 'w',
  /** The number of the newest `events.dropped`. */
  dropped: 'd',
} as const

/** The fields of the hash `state`. `publish.lua` explains the history, and `state.lua` the generation. */
const state = {
  /** When a node last reached the server, and since when nodes have reached the server without a pause. */
  reachedAt: 't',
  reachedSince: 'f',
  /** The history of the server in which the generation began. */
  history: 'h',
  /** The time before which the server has lost no write. */
  wholeUntil: 'w',
  /** How many keys the server has evicted. */
  evicted: 'v',
  /** The generation of the epochs. */
  generation: 'g',
  /**
   * How often an engine was opened. By this number a transfer finds out whether a gateway ran meanwhile. Only the first partition has the
   * field.
   */
  opened: 'o',
} as const

/** The first item of each event, by which a gateway recognizes the kind of an event that a script sends. */
const event = {
  sessionEnded: 'e',
  connectionReplaced: 'r',
  reauth: 'a',
  userChanged: 'u',
  message: 'm',
  read: 'd',
  signal: 's',
  presence: 'p',
  /** The epochs of a server have changed; in a cluster, those of a partition. */
  generation: 'g',
  webhooksDue: 'w',
  eventDropped: 'x',
  canary: 'k',
  counts: 'c',
  /** A session no longer uses its token. */
  tokenReleased: 't',
  /** There may be something to push. */
  pushDue: 'o',
  /** The devices of a user ended with the user. */
  devicesEnded: 'l',
  /** A question of another node, a node's question about when sessions were seen last, and the answer to a question of either kind. */
  asked: 'q',
  seenAsked: 'y',
  answered: 'n',
} as const

/**
 * The names of fields in Redis, by the names that TypeScript and Lua use. The names in Redis are short, because a Redis may have millions
 * of users and sessions. A script reads `fields.session` as `SESSION`, and so on.
 */
export const fields = { user, session, entry, unread, queue, state, event }
