import { fitting, isAdoptedBy, mayAdopt } from '../../../decide/adoption/adoption.js'
import { peerReadOffset } from '../../../decide/messages/peer-marks.js'
import type { AdoptedMessage, MovedMessage, MovedMessages } from '../../calls/messages.js'
import { script } from '../context/context.js'
import { reply, replyList, type Script } from '../context/counts.js'
import { json as textOf, whole } from '../context/text.js'
import { presence, sessions } from '../sessions/rows.js'
import { finish, isRevoked, remove, reportEnd } from '../sessions/sessions.js'
import { awaitEpochs } from '../state/history.js'
import { deleteInbox, deleteUser } from '../users/lifetime.js'
import { adoptionOf, clear, load, set, storeInbox, type Adoption, type User } from '../users/user.js'
import { addEvent } from '../webhooks/events.js'
import { entries } from './entries.js'
import { append, emitMessage, emitRead, sizeOf, unreadCheckAfter } from './inbox.js'
import { drop, expire, hold, MAX_DROPPED, trim } from './retention.js'
import { markOf } from './unread.js'

/** Milliseconds after which the sweep continues to move the messages of an adopted guest. */
export const MOVE_RETRY = 5000
/** The milliseconds for which the key `adopted` is kept at least. */
const KEPT_AT_LEAST = 3_600_000
/** An offset beyond all messages. */
const EVERYTHING = 2 ** 53
/** With this retention a moved message pushes no other message out. */
const NO_LIMIT = { messages: Infinity, bytes: Infinity }

/**
 * Deletes a guest, and notes which user adopts the guest. The guest's messages stay until they are moved to the user.
 */
export const adoptGuest: Script<'adoptGuest'> = ([userId, userCreatedAt, createdAt, issuedAt, age]) => {
  awaitEpochs()
  const { now } = script
  const adopter = { userId, userCreatedAt: tonumber(userCreatedAt) }
  const knownAt = tonumber(createdAt)
  const proof = knownAt === undefined ? null : { createdAt: knownAt }
  const retention = { age: tonumber(age) }
  const user = load()
  if (proof !== null && isRevoked(user, tonumber(issuedAt))) return reply(-1)
  if (user.adoption !== undefined) {
    const [by, byCreatedAt, guestCreatedAt, messages] = adoptionOf(user.adoption)
    const known = { userId: by, userCreatedAt: byCreatedAt }
    return reply(isAdoptedBy(known, guestCreatedAt, adopter, proof) ? messages : -1)
  }
  const guestCreatedAt = user.guest === undefined ? undefined : user.createdAt
  if (guestCreatedAt === undefined || !mayAdopt(guestCreatedAt, proof)) return reply(-1)
  expire(user, retention)
  for (const [, row] of pairs(sessions())) {
    const [wasOnline] = presence(user)
    remove(user, row)
    reportEnd(user, row, 'replaced', wasOnline)
  }
  const messages = Math.max(user.newest - user.first + 1, 0)
  const adoption: Adoption = [userId, adopter.userCreatedAt, guestCreatedAt, messages]
  set(user, 'adoption', textOf(adoption))
  deleteUser(user)
  clear(user, 'unreadCheckAt', 'unreadCheckOffset')
  set(user, 'keptUntil', Math.ceil(now + retention.age))
  set(user, 'moveDueAt', now + MOVE_RETRY)
  storeInbox(user)
  finish(user)
  return reply(messages)
}

/** Reads the oldest messages of an adopted guest that have not been moved to the user yet. */
export const readAdopted: Script<'readAdopted'> = ([limit]) => {
  const user = load()
  if (user.moveDueAt === undefined || user.adoption === undefined) return reply(0)
  const [by, byCreatedAt, , messages] = adoptionOf(user.adoption)
  const found: AdoptedMessage[] = []
  for (const { offset, json, size, at, peer } of entries(user, user.first, user.newest, tonumber(limit))) {
    const isRead = offset <= peerReadOffset(user, markOf(user, peer), user.first)
    found.push([offset, json, size, at, isRead ? 1 : 0])
  }
  return replyList(found, 1, by, byCreatedAt, messages, user.newest - user.first + 1, user.bytes)
}

/** Appends a message of the guest to the user's inbox. */
const appendMoved = (user: User, { json, isRead, from, to }: MovedMessage): void => {
  const checkAt = isRead ? undefined : unreadCheckAfter(user, from)
  const offset = append(user, json, from, to, NO_LIMIT, isRead)
  if (checkAt !== undefined) {
    set(user, 'unreadCheckAt', checkAt)
    set(user, 'unreadCheckOffset', offset)
  }
  hold(user, from, sizeOf(json))
  emitMessage(user, offset, json)
}

/**
 * Appends messages of an adopted guest to the user's inbox. Leaves out older messages of the guest that do not fit into the retention
 * beside those of the user.
 */
export const appendAdopted: Script<'appendAdopted'> = ([createdAt, maxMessages, maxBytes, age, json]) => {
  awaitEpochs()
  const { keys, now } = script
  const retention = { messages: tonumber(maxMessages), bytes: tonumber(maxBytes), age: tonumber(age) }
  const { guest, messages, left, growth, moved } = cjson.decode(json) as MovedMessages
  const user = load()
  if (user.createdAt !== tonumber(createdAt)) return reply(0)
  // The key `adopted` has the offset, in the guest's inbox, of the last message that an earlier run has appended or left out.
  const earlier = tonumber(redis.call('GET', keys.adopted))
  if (earlier === undefined)
    addEvent(user, 'guest.adopted', `"guest":${textOf(guest)},"messages":${whole(messages)}`)
  let taken = left === undefined ? EVERYTHING : (earlier ?? 0)
  expire(user, retention)
  trim(user, retention)

  const found: MovedMessage[] = []
  const rest = { messages: left?.messages ?? 0, bytes: left?.bytes ?? 0 }
  for (const each of moved)
    if (each.offset > taken) {
      found.push(each)
    } else {
      rest.messages -= 1
      rest.bytes -= each.size
    }
  const kept = { messages: user.newest - user.first + 1, bytes: user.bytes }
  let hasRead = false
  for (const each of fitting(found, kept, rest, growth, retention, now)) {
    appendMoved(user, each)
    hasRead = hasRead || each.isRead
  }
  taken = found[found.length - 1]?.offset ?? taken
  // Clients count each new message as unread, even one that the guest had read. So this event tells them the right number.
  if (hasRead) emitRead(user)
  // If the caller crashes before it lets the key expire, the key expires after `retention.age`. By then each message of the guest has
  // expired, too.
  const keptFor = Math.max(retention.age, KEPT_AT_LEAST)
  const record = string.format('%.0f', taken)
  if (keptFor < Infinity)
    redis.call('SET', keys.adopted, record, 'PX', string.format('%.0f', Math.ceil(keptFor)))
  else redis.call('SET', keys.adopted, record, 'KEEPTTL')
  storeInbox(user)
  finish(user)
  return reply(1)
}

/**
 * Deletes messages of an adopted guest that `appendAdopted` has appended to the user's inbox or left out. With the last message it deletes
 * the guest's inbox.
 */
export const dropAdopted: Script<'dropAdopted'> = ([last]) => {
  const user = load()
  if (user.moveDueAt === undefined) return reply(0)
  const to = Math.min(tonumber(last) ?? user.newest, user.newest)
  const old = entries(user, user.first, to, MAX_DROPPED)
  drop(user, old)
  // After a failover the guest's inbox may lack messages up to `to`. Then `drop` does not advance `first` far enough.
  if (old.length < MAX_DROPPED && to >= user.first) user.first = to + 1
  const isLast = user.first > user.newest
  if (isLast) {
    deleteInbox(user, true)
    clear(user, 'moveDueAt')
  } else {
    set(user, 'moveDueAt', script.now + MOVE_RETRY)
  }
  storeInbox(user)
  finish(user)
  return reply(isLast ? 0 : 1)
}
