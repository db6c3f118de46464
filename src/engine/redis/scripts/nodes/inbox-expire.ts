import { script } from '../context/context.js'
import { reply } from '../context/counts.js'
import { numberArg } from '../context/text.js'
import { expire, trim } from '../messages/retention.js'
import { finish } from '../sessions/sessions.js'
import { forgetGuest } from '../users/deletion.js'
import { load, storeInbox } from '../users/user.js'

/**
 * Deletes expired messages of a user, and those beyond a retention. A guest who then has neither messages nor sessions is deleted with the
 * inbox. `age` is the greatest age of a message, in milliseconds. `messages` and `bytes` are those of the retention, and empty for no
 * limit. Returns 1 if perhaps more messages are to be deleted, else 0.
 */
export const expireInbox = ([age, messages, bytes]: string[]): unknown[] => {
  const { keys, userId } = script
  const user = load(keys.user)
  const hasMoreExpired = expire(keys, user, userId, { age: numberArg(age) })
  const kept = { messages: tonumber(messages) ?? Infinity, bytes: tonumber(bytes) ?? Infinity }
  const hasMoreBeyond = trim(keys, user, userId, kept)
  if (user.first > user.newest) {
    redis.call('ZREM', keys.aging, userId)
    forgetGuest(user)
  }
  storeInbox(user)
  finish(user)
  return reply(hasMoreExpired || hasMoreBeyond ? 1 : 0)
}

/** Lists at most `limit` of an app's users whose oldest message is perhaps older than `age` milliseconds. Returns their ids. */
export const listAging = ([age, limit = '']: string[]): unknown => {
  const until = script.now - numberArg(age)
  return redis.call('ZRANGEBYSCORE', script.keys.aging, '-inf', until, 'LIMIT', 0, limit)
}
