import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { expire, trim } from '../messages/retention.js'
import { finish } from '../sessions/sessions.js'
import { forgetGuest } from '../users/lifetime.js'
import { load } from '../users/user.js'

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
  finish(user)
  return reply(hasMoreExpired || hasMoreBeyond ? 1 : 0)
}

/** Lists users of an app whose oldest message is perhaps older than `age` milliseconds. */
export const listAging: Script<'listAging'> = ([age, limit]) => {
  const until = script.now - tonumber(age)
  return redis.call('ZRANGEBYSCORE', script.keys.aging, '-inf', until, 'LIMIT', 0, limit)
}
