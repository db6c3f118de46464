import { engineRules } from '../../../rules.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { MOVE_RETRY } from '../messages/adopted-messages.js'
import { checkUnread } from '../messages/unread-check.js'
import { endDueSessions, finish } from '../sessions/sessions.js'
import { awaitEpochs, reachedSince } from '../state/history.js'
import { forgetGuest } from '../users/lifetime.js'
import { clear, load, set, type User } from '../users/user.js'
import { isAsked, unreadAfter } from '../webhooks/events.js'

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
  finish(user)
  return reply(isMoving ? 1 : 0)
}
