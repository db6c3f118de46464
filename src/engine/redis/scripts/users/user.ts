import { USER } from '../../fields.js'
import { script, type KeyNames } from '../context/context.js'
import { whole } from '../context/text.js'
import { announce } from '../webhooks/queue.js'

/*
 * A user's hash. `load` reads all fields but the large ones; `loadInbox` reads those that a message needs, which takes half as long. A step
 * changes the user, and then calls `finish` of `sessions.ts`, or `store` if neither a session nor a deadline has changed.
 */

/** The numbers of an inbox, in the order in which the field `inbox` has them. */
export interface InboxNumbers {
  /** How many inboxes of the user were deleted. The number of an epoch is 1,000 times the generation (`history.ts`), plus this number. */
  deletions: number
  /** The newest offset, and the offset of the oldest message that is kept. */
  newest: number
  first: number
  readOffset: number
  /**
   * All messages up to this offset are read: by the inbox's mark, or by marks of peers (`UNREAD.mark`). Undefined if no mark of a peer was
   * set since the inbox's mark last reached the newest offset.
   */
  readUpTo: number | undefined
  unread: number
  /** The bytes of the messages. */
  bytes: number
  /** When the oldest message was stored, or an earlier time; undefined if the inbox never had a message. */
  oldestAt: number | undefined
}

/** The other fields. `fields.ts` says what they mean. */
export interface UserFields {
  createdAt?: number | undefined
  sender?: string | undefined
  nodes?: string | undefined
  online?: string | undefined
  deviceCount?: number | undefined
  guest?: string | undefined
  keptUntil?: number | undefined
  adoption?: string | undefined
  moveDueAt?: number | undefined
  revokedBefore?: number | undefined
  lastSeenAt?: number | undefined
  sessionsDueAt?: number | undefined
  unreadCheckAt?: number | undefined
  unreadCheckOffset?: number | undefined
  pushDueAt?: number | undefined
  pushCall?: string | undefined
  dueAt?: number | undefined
  /** No function loads these two. A step may set them. */
  profiles?: string | undefined
  devices?: string | undefined
}

export interface User extends InboxNumbers, UserFields {
  readonly id: string
  readonly keys: KeyNames
  /** The field `inbox` as it is stored. */
  packed: string
  /** The fields that `set` and `clear` have changed. */
  changed?: Partial<Record<keyof UserFields, true>> | undefined
}

/**
 * The numbers of a new inbox, packed: all are 0, but `first` is 1, and `readUpTo` and `oldestAt` are nil. The library can't pack them, because
 * there is no `cmsgpack` while Redis loads the library.
 */
const NEW_INBOX = string.char(0, 0, 1, 0, 192, 0, 0, 192)

/** What `USER.adoption` has, as JSON. */
export type Adoption = [
  /** The user who has adopted the guest, and when that user was created. */
  by: string,
  byCreatedAt: number,
  /** When the guest was created, and how many messages the guest had. */
  createdAt: number,
  messages: number,
]

/** Reads an adoption. */
export const adoptionOf = (json: string): Adoption => cjson.decode(json) as Adoption

type Numbers = [
  ...[deletions: number, newest: number, first: number, readOffset: number, readUpTo: number | undefined],
  ...[unread: number, bytes: number, oldestAt: number | undefined],
]

/** Makes a user of the first fields that `loadInbox` and `load` read. */
const userOf = (keys: KeyNames, id: string, value: readonly Stored[]): User => {
  const packed = value[0] || NEW_INBOX
  const [deletions, newest, first, readOffset, readUpTo, unread, bytes, oldestAt] =
    cmsgpack.unpack<Numbers>(packed)
  return {
    id,
    keys,
    packed,
    deletions,
    newest,
    first,
    readOffset,
    readUpTo,
    unread,
    bytes,
    oldestAt,
    createdAt: tonumber(value[1] || undefined),
    sender: value[2] || undefined,
    nodes: value[3] || undefined,
    online: value[4] || undefined,
    deviceCount: tonumber(value[5] || undefined),
  }
}

// The calls name their fields, because a list of names costs Lua a microsecond.

/** Reads the numbers of an inbox. `key` is that of its user's hash. */
export const loadNumbers = (key: string): InboxNumbers =>
  userOf(script.keys, '', [redis.call('HGET', key, USER.inbox)])

/** Reads what a message needs of a user; by default of this script's user. */
export const loadInbox = (keys = script.keys, id = script.userId): User => {
  // prettier-ignore
  const value = redis.call(
    'HMGET', keys.user, USER.inbox, USER.createdAt, USER.sender, USER.nodes, USER.online, USER.deviceCount,
  )
  return userOf(keys, id, value)
}

const readFields = (key: string): readonly Stored[] =>
  // prettier-ignore
  redis.call(
    'HMGET', key, USER.inbox, USER.createdAt, USER.sender, USER.nodes, USER.online, USER.deviceCount,
    USER.guest, USER.adoption, USER.pushCall, USER.keptUntil, USER.moveDueAt, USER.revokedBefore,
    USER.lastSeenAt, USER.sessionsDueAt, USER.unreadCheckAt, USER.unreadCheckOffset, USER.pushDueAt, USER.dueAt,
  )

/** Sets the fields that `loadInbox` leaves out. */
const setRest = (user: User, value: readonly Stored[]): void => {
  user.guest = value[6] || undefined
  user.adoption = value[7] || undefined
  user.pushCall = value[8] || undefined
  user.keptUntil = tonumber(value[9] || undefined)
  user.moveDueAt = tonumber(value[10] || undefined)
  user.revokedBefore = tonumber(value[11] || undefined)
  user.lastSeenAt = tonumber(value[12] || undefined)
  user.sessionsDueAt = tonumber(value[13] || undefined)
  user.unreadCheckAt = tonumber(value[14] || undefined)
  user.unreadCheckOffset = tonumber(value[15] || undefined)
  user.pushDueAt = tonumber(value[16] || undefined)
  user.dueAt = tonumber(value[17] || undefined)
}

/** Reads this script's user. */
export const load = (): User => {
  const value = readFields(script.keys.user)
  const user = userOf(script.keys, script.userId, value)
  setRest(user, value)
  return user
}

/** Reads what `loadInbox` has left out: `schedule` needs the deadlines. */
export const loadRest = (user: User): void => setRest(user, readFields(user.keys.user))

/** Sets the numbers of the inbox to those of a new inbox, except `deletions`. So the epoch stays. */
export const resetInbox = (user: User): void => {
  user.newest = 0
  user.first = 1
  user.readOffset = 0
  user.readUpTo = undefined
  user.unread = 0
  user.bytes = 0
  user.oldestAt = undefined
}

/** Changes a field that is not a number of the inbox. `storeFields` writes it. */
export const set = <Field extends keyof UserFields>(
  user: User,
  field: Field,
  value: UserFields[Field],
): void => {
  if (user[field] === value) return
  user[field] = value as User[Field]
  user.changed ??= {}
  user.changed[field] = true
}

/** Deletes fields, also those that `load` does not read. */
export const clear = (user: User, ...fields: (keyof UserFields)[]): void => {
  user.changed ??= {}
  for (const field of fields) {
    user[field] = undefined
    user.changed[field] = true
  }
}

const packNumbers = (of: InboxNumbers): string =>
  cmsgpack.pack(
    of.deletions,
    of.newest,
    of.first,
    of.readOffset,
    of.readUpTo,
    of.unread,
    of.bytes,
    of.oldestAt,
  )

/**
 * Writes the numbers of the inbox if they have changed. The numbers of a new inbox are not kept: otherwise Redis would keep the hash of
 * each adopted guest for ever.
 */
export const storeInbox = (user: User): void => {
  const packed = packNumbers(user)
  if (packed === user.packed) return
  user.packed = packed
  if (packed === NEW_INBOX) redis.call('HDEL', user.keys.user, USER.inbox)
  else redis.call('HSET', user.keys.user, USER.inbox, packed)
}

/** Writes numbers of an inbox for a transfer. Those that are absent are as in a new inbox. */
export const importNumbers = (key: string, numbers: Partial<InboxNumbers>): number => {
  const { deletions = 0, newest = 0, first = 1, readOffset = 0, unread = 0, bytes = 0 } = numbers
  const { readUpTo, oldestAt } = numbers
  const packed = packNumbers({ deletions, newest, first, readOffset, readUpTo, unread, bytes, oldestAt })
  return redis.call('HSET', key, USER.inbox, packed)
}

/** Writes the changed fields that are no numbers of the inbox. */
const storeFields = (user: User): void => {
  if (user.changed === undefined) return
  const puts: string[] = []
  const removed: string[] = []
  for (const [field] of pairs(user.changed)) {
    const value = user[field]
    if (value === undefined) removed.push(USER[field])
    else puts.push(USER[field], typeof value === 'number' ? whole(value) : value)
  }
  if (puts.length > 0) redis.call('HSET', user.keys.user, ...puts)
  if (removed.length > 0) redis.call('HDEL', user.keys.user, ...removed)
  user.changed = undefined
}

/** Writes what a script has changed of a user, and tells the calling node of the script's webhook events. */
export const store = (user: User): void => {
  storeInbox(user)
  storeRest(user)
}

/** Does what `store` does, without the numbers of the inbox: to compare these would take longer than the rest. */
export const storeRest = (user: User): void => {
  storeFields(user)
  announce()
}

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a !== undefined && b !== undefined ? Math.min(a, b) : (a ?? b)

/** Puts the user's next deadline into `deadlines` of the partition. */
export const schedule = (user: User): void => {
  let nextAt = earlier(user.sessionsDueAt, user.keptUntil)
  nextAt = earlier(earlier(nextAt, user.unreadCheckAt), earlier(user.moveDueAt, user.pushDueAt))
  if (nextAt === user.dueAt) return
  set(user, 'dueAt', nextAt)
  if (nextAt === undefined) redis.call('ZREM', script.keys.deadlines, script.member)
  else redis.call('ZADD', script.keys.deadlines, nextAt, script.member)
}

/** Returns a time: credentials of the user that were issued up to this time are revoked. Returns undefined if there is no such time. */
export const revokedBefore = (user: Pick<User, 'revokedBefore'>): number | undefined => {
  const app = tonumber(redis.call('GET', script.keys.revoked))
  if (app === undefined) return user.revokedBefore
  return user.revokedBefore === undefined ? app : Math.max(user.revokedBefore, app)
}
