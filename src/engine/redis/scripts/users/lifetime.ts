import { USER } from '../../fields.js'
import { script } from '../context/context.js'
import { count } from '../context/counts.js'
import { isDeclared } from '../context/key-names.js'
import { presence } from '../sessions/rows.js'
import { addEvent } from '../webhooks/events.js'
import { clear, resetInbox, set, type User } from './user.js'

/** Creates the user. */
export const createUser = (user: User): void => {
  set(user, 'createdAt', script.now)
  redis.call('ZADD', script.keys.users, 0, user.id)
  count('users', 1)
}

/** Deletes the user's push devices. The calling node deletes the devices' own keys, which may be in other partitions. */
const endDevices = (user: User): void => {
  const { appId, userId } = script
  const devices = user.deviceCount !== undefined && redis.call('HGET', user.keys.user, USER.devices)
  if (devices !== false) script.events.push({ type: 'devices-ended', appId, userId, devices })
  clear(user, 'devices', 'deviceCount', 'pushDueAt', 'pushCall')
}

/**
 * Deletes the user's inbox. The user's next inbox has another epoch, unless the messages have moved (`hasMoved`). The caller also calls
 * `storeInbox`.
 */
export const deleteInbox = (user: User, hasMoved = false): void => {
  if (user.newest > 0) {
    const { inbox, unread, peerLog, aging } = script.keys
    // The keys are deleted even if the numbers show no message: older messages may be there if somebody has deleted the newest ones by
    // hand.
    redis.call('UNLINK', inbox, unread, peerLog)
    redis.call('ZREM', aging, script.userId)
    count('inboxes', -1)
    count('bytes', -user.bytes)
    if (!hasMoved) user.deletions++
  }
  resetInbox(user)
  clear(user, 'unreadCheckAt', 'unreadCheckOffset')
}

/** Deletes the user. The inbox stays, and so do a revocation and an adoption. */
export const deleteUser = (user: User): void => {
  if (user.createdAt !== undefined) {
    redis.call('ZREM', script.keys.users, script.userId)
    count('users', -1)
    if (user.guest !== undefined) count('guests', -1)
  }
  clear(user, 'createdAt', 'guest', 'lastSeenAt', 'profiles', 'sender')
  endDevices(user)
}

/** Returns whether the user is a guest without sessions and without messages whose `keptUntil` has passed or is absent. */
const isForgotten = (user: User): boolean => {
  if (user.guest === undefined || user.createdAt === undefined || user.first <= user.newest) return false
  if (user.keptUntil !== undefined && user.keptUntil > script.now) return false
  const [, sessions] = presence(user)
  return sessions === 0
}

/** Deletes the user and the inbox if `isForgotten`. */
export const forgetGuest = (user: User): void => {
  if (!isForgotten(user)) return
  if (user.newest > 0) {
    // Most steps do not declare the keys of the inbox: more keys would slow, for example, each start of a session. With `keptUntil` 0 the
    // sweep runs the step `due`, which declares them.
    if (!isDeclared('unread')) return set(user, 'keptUntil', 0)
    deleteInbox(user)
  }
  deleteUser(user)
  set(user, 'keptUntil', undefined)
  addEvent(user, 'user.deleted', '')
}
