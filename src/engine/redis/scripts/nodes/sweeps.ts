import { engineRules } from '../../../rules.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { whole } from '../context/text.js'
import { MOVE_RETRY } from '../messages/adoption.js'
import { expire, trim } from '../messages/retention.js'
import { checkUnread } from '../messages/unread-check.js'
import { endDueSessions, finish } from '../sessions/sessions.js'
import { awaitEpochs, reachedSince, visit } from '../state/history.js'
import { forgetGuest } from '../users/lifetime.js'
import { clear, load, set, storeInbox, type User } from '../users/user.js'
import { isAsked, unreadAfter } from '../webhooks/events.js'
import { DUE_EVENTS_WAIT } from '../webhooks/queue.js'

/*
 * What the sweeps of nodes find, and do for each user whom they find.
 */

/** Returns milliseconds until the deadline that a list with a member and its time has; undefined if the list is empty. */
const delayOf = ([, at]: string[]): number | undefined =>
  at === undefined ? undefined : Math.ceil((tonumber(at) ?? 0) - script.now)

/**
 * Notes that a node has reached the server. Lists users for whom something is due, and apps with webhook events that were due a while ago.
 */
export const listDue: Script<'listDue'> = ([limit, nextIn]) => {
  const { deadlines, ownCopies } = script.keys
  visit()
  // Own copies are pending only in a cluster.
  const pending = script.serverPrefix === '' ? redis.call('HLEN', ownCopies) : 0
  const delay = delayOf(redis.call('ZRANGE', deadlines, 0, 0, 'WITHSCORES'))
  if (pending === 0 && (delay === undefined || delay >= tonumber(nextIn))) return []
  if (delay === undefined || delay > 0) return [pending, delay ?? -1]
  const found = redis.call('ZRANGEBYSCORE', deadlines, '-inf', script.now, 'LIMIT', 0, limit)
  // An app is listed again only after a while. Otherwise each sweep would list an app whose events no node can deliver now.
  for (const due of found)
    if (string.sub(due, -1) === '\0') redis.call('ZADD', deadlines, script.now + DUE_EVENTS_WAIT, due)
  const later = `(${whole(script.now)}`
  const next = redis.call('ZRANGEBYSCORE', deadlines, later, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  return [pending, delayOf(next) ?? -1, ...found]
}

const { guestStartTimeout, pushLease } = engineRules

/** Ends the time for which a guest without a session, or the note about the adoption of a guest, is kept. */
const endKept = (user: User, keptUntil: number): void => {
  const { now } = script
  if (user.adoption === undefined) {
    // 0 comes from a step that lacked the keys of the inbox (`forgetGuest`). Only another value leaves the guest time to start a session.
    const at = keptUntil > 0 ? Math.max(keptUntil, reachedSince(true) + guestStartTimeout) : 0
    set(user, 'keptUntil', at > now ? at : undefined)
    forgetGuest(user)
  }
  // As long as messages are to be moved, `adoption` stays: it says which user gets them.
  else if (user.moveDueAt !== undefined) set(user, 'keptUntil', user.moveDueAt)
  else clear(user, 'adoption', 'keptUntil')
}

/**
 * Handles those deadlines of a user that have passed: ends detached sessions; deletes a guest who started no session, or whom another step
 * could not delete; reports unread messages; tells the calling node that a push is due; and forgets that a user has adopted this guest.
 */
export const due: Script<'due'> = ([callId]) => {
  awaitEpochs()
  const { keys, now, appId, userId } = script
  const user = load()
  // If Redis has evicted the user's hash, `schedule` does not know of the member in `deadlines`, and each sweep would list the user again.
  if (user.dueAt === undefined) redis.call('ZREM', keys.deadlines, script.member)
  endDueSessions(user)
  const isMoving = user.moveDueAt !== undefined && user.moveDueAt <= now
  if (isMoving) set(user, 'moveDueAt', now + MOVE_RETRY)
  if (user.keptUntil !== undefined && user.keptUntil <= now) endKept(user, user.keptUntil)
  if (user.unreadCheckAt !== undefined && user.unreadCheckAt <= now) {
    const after = unreadAfter()
    const again = after !== undefined && isAsked('message.unread') ? checkUnread(user, after) : undefined
    set(user, 'unreadCheckAt', again)
    if (again === undefined) set(user, 'unreadCheckOffset', undefined)
  }
  // A call whose reply was lost comes again, and gets the event again. If the calling node does not end the push, the node that sweeps
  // after `pushLease` gets the event.
  if (user.pushDueAt !== undefined && (user.pushDueAt <= now || user.pushCall === callId)) {
    set(user, 'pushDueAt', now + pushLease)
    set(user, 'pushCall', callId)
    script.events.push({ type: 'push-due', user: { appId, userId } })
  }
  storeInbox(user)
  finish(user)
  return reply(isMoving ? 1 : 0)
}

/**
 * Deletes expired messages of a user, and those beyond a retention. A guest who then has neither messages nor sessions is deleted with the
 * inbox.
 */
export const expireInbox: Script<'expireInbox'> = ([age, messages, bytes]) => {
  const { keys, userId } = script
  const user = load()
  const hasMoreExpired = expire(user, { age: tonumber(age) })
  const kept = { messages: tonumber(messages) ?? Infinity, bytes: tonumber(bytes) ?? Infinity }
  const hasMoreBeyond = trim(user, kept)
  if (user.first > user.newest) {
    redis.call('ZREM', keys.aging, userId)
    forgetGuest(user)
  }
  storeInbox(user)
  finish(user)
  return reply(hasMoreExpired || hasMoreBeyond ? 1 : 0)
}

/** Lists users of an app whose oldest message is perhaps older than `age` milliseconds. */
export const listAging: Script<'listAging'> = ([age, limit]) => {
  const until = script.now - tonumber(age)
  return redis.call('ZRANGEBYSCORE', script.keys.aging, '-inf', until, 'LIMIT', 0, limit)
}
