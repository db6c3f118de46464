import type { engineRules } from '../rules.js'

/*
 * The names of fields in Redis. They are short, because a Redis may have millions of users.
 */

/** The fields of a user's hash. */
export const USER = {
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
   * the next run of the script `due` deletes the guest and the guest's empty inbox.
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
  /** The numbers of the inbox (`InboxNumbers`), packed by `cmsgpack`. The field is absent if the user never had an inbox. */
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

/** The fields of a message in an inbox, which is a Redis stream. */
export const ENTRY = {
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
export const UNREAD = {
  messages: 'n',
  bytes: 'b',
  /**
   * The peer's mark: the offset up to which the peer's messages are read, and the offset that the newest message with the peer had when the
   * mark was set.
   */
  mark: 'm',
} as const satisfies Record<(typeof engineRules.sharedLimits)[number] | (string & {}), string>

/** The fields of the hash `state`. `publish.ts` explains the history, and `history.ts` its number and the generation. */
export const STATE = {
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
