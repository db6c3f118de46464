import type { engineRules } from '../../rules.js'

/** The fields of a user's hash. */
const user = {
  /** When the user was created; absent if the user does not exist. Even then the hash may have, for example, an inbox or a revocation. */
  createdAt: 'cr',
  /**
   * As JSON: the profile that the backend vouches for, its times, and the profile that clients claim. Absent for a user without these.
   * Scripts compare and write them together.
   */
  profiles: 'p',
  /** The user's name and photo as messages carry them: JSON. */
  sender: 's',
  /** `1` for a guest. */
  guest: 'g',
  /**
   * The time until which a guest without a session is kept. For an adopted guest, the time until which the field `adoption` is kept. At 0
   * the next run of the script `user-due` deletes the guest and the guest's empty inbox.
   */
  keptUntil: 'sb',
  /**
   * For a guest whom a user has adopted, a JSON list: that user's id; when that user was created; when the guest was created; how many
   * messages the guest had. The field is kept until `keptUntil`.
   */
  adoption: 'ad',
  /** When the sweep moves more messages of this adopted guest. It is absent if no messages are to be moved. */
  moveDueAt: 'md',
  /** Credentials of the user that were issued up to this time are revoked. */
  revokedBefore: 'rb',
  /** When the user was last seen. It is written when a session ends, and when the user goes offline. */
  lastSeenAt: 'ls',
  /** The numbers of the inbox, packed by `cmsgpack`. The field is absent if the user never had an inbox. */
  inbox: 'in',
  /** The ids of the nodes whose connections carry the user's sessions, separated by spaces. */
  nodes: 'on',
  /** `1` if the user counts as online. */
  online: 'ol',
  /** The earliest time at which a detached session ends or no longer makes the user online. */
  sessionsDueAt: 'sx',
  /** When the sweep looks for unread messages, which it reports as `message.unread`, and the offset from which it looks. */
  unreadCheckAt: 'uc',
  unreadCheckOffset: 'uo',
  /**
   * The devices to which messages are pushed while no page is open, as JSON, and the number of devices. Both fields are absent if the user
   * has no device.
   */
  devices: 'pd',
  deviceCount: 'pn',
  /** When there may be something to push to the devices. */
  pushDueAt: 'px',
  /**
   * The id of the call that last sent the event `pushDue` to a node. If that node does not end the push, the event is sent again at
   * `pushDueAt`.
   */
  pushCall: 'pc',
  /** The earliest of the user's deadlines, which is the user's score in `deadlines`. */
  dueAt: 'nx',
} as const

/** The numbers of a user's inbox, in the order of the field `inbox`. */
export const inboxNumbers = [
  /** How many inboxes of the user were deleted. The number of an epoch is 1,000 times the generation (`state.lua`), plus this number. */
  'deletions',
  /** The newest offset, and the offset of the oldest message that is kept. */
  'newest',
  'first',
  'readOffset',
  /**
   * All messages up to this offset are read: by the inbox's mark, or by marks of peers (`unread.mark`). Nil if no mark of a peer was set
   * since the inbox's mark last reached the newest offset.
   */
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

/** Few scripts read these fields of a user, so `load` leaves them out. */
const large: readonly UserField[] = ['profiles', 'devices']

/** The fields of a user that a message needs, besides `inbox`. */
const ofMessages: readonly UserField[] = ['createdAt', 'sender', 'nodes', 'online', 'deviceCount']

/** Fields of a user that are loaded as texts. The others are loaded as numbers. */
const texts: readonly UserField[] = ['sender', 'guest', 'nodes', 'online', 'adoption', 'pushCall']

/**
 * The numbers of a new inbox, packed: all are 0, but `first` is 1, and `readUpTo` and `oldestAt` are nil. The library can't pack them, because
 * there is no `cmsgpack` while Redis loads the library.
 */
const NEW_INBOX = String.raw`'\0\0\1\0\192\0\0\192'`

const numbers = inboxNumbers.join(',')
const numbersOfUser = inboxNumbers.map((name) => `user.${name}`).join(',')

/** Returns a Lua function that reads `inbox` and other fields of a user into a table whose fields have the names of this file. */
const reader = (name: string, fields: readonly UserField[]): string => {
  const members = fields.map((field, n) => {
    const value = `value[${n + 2}]`
    return `${field}=${texts.includes(field) ? value : `${value} and tonumber(${value})`} or nil`
  })
  return `local function ${name}(key)
local value=call('HMGET',key,${['inbox' as const, ...fields].map((field) => `'${user[field]}'`).join(',')})
local inbox=value[1] or NEW_INBOX
local ${numbers}=cmsgpack.unpack(inbox)
return {key=key,inbox=inbox,${[...inboxNumbers.map((each) => `${each}=${each}`), ...members].join(',')}}
end`
}

/** The Lua functions that name each field of a user, because a loop over tables of names takes several times as long. */
export const userFunctions = [
  `local NEW_INBOX=${NEW_INBOX}`,
  reader(
    'load',
    userFields.filter((name) => name !== 'inbox' && !large.includes(name)),
  ),
  reader('load_inbox', ofMessages),
  `local function pack_numbers(user) return cmsgpack.pack(${numbersOfUser}) end`,
  `local function set_numbers(user,packed) ${numbersOfUser}=cmsgpack.unpack(packed) end`,
].join('\n')

/** The fields of a session's row, which is JSON. */
const session = {
  /**
   * The number of the session's start. In each partition an app has one sequence of numbers for the starts and detachments of sessions, and
   * for the hidings of pages.
   */
  number: 'n',
  startedAt: 's',
  lastSeenAt: 'l',
  /** The connection that carries the session, and the node of that connection. Both are absent while the session is detached. */
  connectionId: 'c',
  nodeId: 'i',
  /** The digests of the key with which the page resumes the session, and of the key that this key has replaced. */
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
  /** For how many milliseconds a detached session can be resumed, and until what time. */
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
  /** The name of the note, in the Redis hash of the token, that the session uses the token. Absent if the session has no token. */
  tokenUse: 'u',
  credential: 'cr',
  /** The client's origin, address and name, and the id of the gateway to which the client connected: JSON. */
  facts: 'fa',
} as const satisfies Record<(typeof engineRules.makesRoom)[number] | (string & {}), string>

/** The fields of a message in an inbox, which is a Redis stream. */
const entry = {
  /** The message as JSON without its offset. The offset is the entry's id. */
  message: 'm',
  /**
   * When the message was stored, a space, the message's kind, and the peer's id. The kind of a received message is `r`. It is `x` if the
   * message counts as read wherever the mark stands, because a guest had read it before a user adopted the guest. A message that the
   * inbox's user has sent has the kind `s`. If the peer is the app's backend, the peer's id is empty. The time, the kind and the peer share
   * one field, because each further field slows the script.
   */
  about: 'w',
  /** The member `traceparent` for pushes of the message, as JSON with a comma before it. */
  trace: 't',
} as const

/**
 * What the names of fields in the hash `unread` begin with. The id of a peer follows. `messages` and `bytes` count the peer's unread
 * messages.
 */
const unread = {
  messages: 'n',
  bytes: 'b',
  /**
   * The peer's mark: the offset up to which the peer's messages are read, and the offset that the newest message with the peer had when the
   * mark was set.
   */
  mark: 'm',
} as const satisfies Record<(typeof engineRules.sharedLimits)[number] | (string & {}), string>

/** The fields of the record of a queue of pending webhook events. */
const queue = {
  /** About how many bytes the events take. */
  bytes: 'b',
  /** What the newest event says about the user's presence. */
  online: 'o',
  /** The number of the newest `user.online` or `user.offline`, and what the event before it says about presence. */
  presence: 'p',
  before: 'w',
  /** The number of the newest `events.dropped`. */
  dropped: 'd',
} as const

/** The fields of the hash `state`. `publish.lua` explains the history, and `state.lua` its number and the generation. */
const state = {
  /** When a node last reached the server, and the time since which nodes have reached it without a pause. */
  reachedAt: 't',
  reachedSince: 'f',
  /** The server's history when a script last looked, and the number of this history. */
  history: 'h',
  number: 'n',
  /**
   * While it is unknown whether the history lacks messages, JSON with: the time since which this is unknown (`since`); the nodes that have
   * said that it lacks nothing that they know of, and whether each can vouch for it (`kept`); the nodes that must say so (`awaited`); and
   * whether another generation has begun since (`isLossy`).
   */
  unsettled: 'u',
  /** The nodes that did not say so in time, separated by spaces. Each stores nothing new before it has said so. */
  absent: 'a',
  /** The server has lost no write from before this time. */
  wholeUntil: 'w',
  /** How many keys the server had evicted when a sweep last noticed an eviction. */
  evicted: 'v',
  /** The generation of the epochs. */
  generation: 'g',
  /**
   * How often an engine was opened. If the number changes during a transfer, a gateway has run meanwhile. Only the first partition has the
   * field.
   */
  opened: 'o',
  /** When a node last left. Only the first partition has the field. */
  leftAt: 'l',
  /** When a beat first found no such field. If the time is another one, the server has lost its data. Only the first partition has the field. */
  madeAt: 'm',
} as const

/**
 * The names of fields in Redis, by the names that TypeScript and Lua use. The names in Redis are short, because a Redis may have millions
 * of users and sessions. A script reads `fields.session` as `SESSION`, and so on.
 */
export const fields = { user, session, entry, unread, queue, state }
