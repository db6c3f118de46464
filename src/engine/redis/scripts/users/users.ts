import { engineRules } from '../../../rules.js'
import { USER } from '../../fields.js'
import { count, counted, reply, type Script } from '../context/counts.js'
import { script } from '../context/context.js'
import { optional } from '../context/text.js'
import { entries } from '../messages/entries.js'
import { drop, MAX_DROPPED } from '../messages/retention.js'
import { sessions } from '../sessions/rows.js'
import { endSession, finish, isRevoked } from '../sessions/sessions.js'
import { emit } from '../state/publish.js'
import { addEvent } from '../webhooks/events.js'
import { createUser, deleteInbox, deleteUser as deleteRecord } from './lifetime.js'
import { clear, load, revokedBefore, set, store, storeInbox, type User } from './user.js'

/** Reads the stored fields of a user, and the revocation that applies to the user. */
export const readUser: Script<'readUser'> = () => {
  const { user } = script.keys
  const stored = redis.call('HMGET', user, USER.profiles, USER.createdAt, USER.revokedBefore)
  const before = revokedBefore({ revokedBefore: tonumber(stored[2]) })
  return reply(stored[0], stored[1], before ?? false)
}

/** Tells the other nodes of the user's sessions that the profile has changed. `record` is JSON. The calling node emits the event itself. */
const tellChange = (user: User, record: string): void => {
  const { appId, userId, self } = script
  for (const node of string.gmatch(user.nodes ?? '', '%S+'))
    if (node !== self) emit(node, { type: 'user-changed', appId, userId, user: record })
}

/** Creates or changes a user whose fields are still as the caller has read them. */
export const saveUser: Script<'saveUser'> = ([
  before,
  createdAt,
  profiles,
  sender,
  guests,
  record,
  data,
  starts,
  issuedAt,
]) => {
  const stored = redis.call('HMGET', script.keys.user, USER.profiles, USER.createdAt)
  if ((stored[0] || '') !== before || (stored[1] || '') !== createdAt) return reply('conflict')
  const user = load()
  // `load` does not read this field.
  user.profiles = stored[0] || undefined
  if (starts === '1' && isRevoked(user, tonumber(issuedAt))) return reply('revoked')
  const maxGuests = tonumber(guests)
  const isNew = user.createdAt === undefined
  if (isNew && maxGuests !== undefined && counted('guests') >= maxGuests) return reply('full')
  set(user, 'profiles', optional(profiles))
  set(user, 'sender', optional(sender))
  if (isNew) createUser(user)
  if (isNew && maxGuests !== undefined) {
    set(user, 'guest', '1')
    count('guests', 1)
  }
  // A guest who has a session gets this deadline, too: that session may end before the new session starts.
  if (maxGuests !== undefined && user.guest !== undefined)
    set(user, 'keptUntil', script.now + engineRules.guestStartTimeout)
  if (record !== '' && !isNew) tellChange(user, record)
  if (data !== '') addEvent(user, isNew ? 'user.created' : 'user.updated', data)
  finish(user)
  return reply('saved', user.createdAt ?? script.now, isNew ? 1 : 0)
}

/**
 * Deletes a user with the sessions and the inbox. If the inbox has too many messages for one call, deletes only some of them. The revocation
 * and the number of deletions stay.
 */
export const deleteUser: Script<'deleteUser'> = () => {
  const user = load()
  const old = entries(user, user.first, user.newest, MAX_DROPPED)
  drop(user, old)
  if (old.length === MAX_DROPPED) {
    store(user)
    return reply(-1)
  }
  const hadUser = user.createdAt !== undefined
  const hadInbox = user.newest > 0
  for (const [, row] of pairs(sessions())) endSession(user, row, 'revoked')
  // The end of a guest's last session may have deleted the guest.
  if (user.createdAt !== undefined) addEvent(user, 'user.deleted', '')
  deleteRecord(user)
  deleteInbox(user)
  // For an adopted guest `keptUntil` stays: it says when the adoption is forgotten.
  if (user.adoption === undefined) clear(user, 'keptUntil')
  storeInbox(user)
  finish(user)
  return reply(hadUser || hadInbox ? 1 : 0)
}

/** Lists an app's users in a partition, in the order of their ids. */
export const listUsers: Script<'listUsers'> = ([after, limit]) => {
  const from = after === '' ? '-' : `(${after}`
  return redis.call('ZRANGEBYLEX', script.keys.users, from, '+', 'LIMIT', 0, limit)
}
