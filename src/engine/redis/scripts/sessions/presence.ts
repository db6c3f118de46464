import { USER } from '../../fields.js'
import type { WireEventOf } from '../../wire-event.js'
import { replyList } from '../context/counts.js'
import { script } from '../context/context.js'
import { numberArg, whole } from '../context/text.js'
import { emit } from '../state/publish.js'
import type { User } from '../users/user.js'
import { addEvent } from '../webhooks/events.js'
import { presence } from './rows.js'

/** Adds a webhook event if the user came online or went offline. */
export const addPresenceEvent = (user: User, wasOnline: boolean): void => {
  const [online] = presence(user)
  if (online !== wasOnline) addEvent(user, online ? 'user.online' : 'user.offline', '')
}

/**
 * Tells the nodes that watch the user that the user came online or went offline. A node orders these events by their time. `watch` has each
 * node, with the time until which it watches.
 */
export const tellWatchers = (user: User, online: boolean): void => {
  const { appId, userId, now, keys } = script
  const nodes = redis.call('ZRANGEBYSCORE', keys.watch, `(${whole(now)}`, '+inf')
  if (nodes.length === 0) return
  const event: WireEventOf<'presence'> = { type: 'presence', appId, userId, online, at: now }
  const seen = online ? now : user.lastSeenAt
  if (seen !== undefined) event.lastSeenAt = seen
  emit(table.concat(nodes, ' '), event)
}

/**
 * Notes for `duration` milliseconds that the calling node watches users, and reads whether the users are online. The caller names two keys
 * for each user: `watch`, which lists the nodes that watch the user, and `user`. Returns the time; and for each user 1 if the user is online
 * (else 0), and when the user was last seen (-1 if that is unknown).
 */
export const watch = ([duration]: string[]): unknown[] => {
  const { given, now, self } = script
  const keptFor = numberArg(duration)
  const result: number[] = []
  for (let n = 0; n + 1 < given.length; n += 2) {
    const [watchers = '', user = ''] = [given[n], given[n + 1]]
    redis.call('ZREMRANGEBYSCORE', watchers, '-inf', now)
    redis.call('ZADD', watchers, now + keptFor, self)
    redis.call('PEXPIRE', watchers, keptFor)
    const found = redis.call('HMGET', user, USER.online, USER.lastSeenAt)
    if (found[0] === false) result.push(0, tonumber(found[1]) ?? -1)
    else result.push(1, now)
  }
  return replyList(result, now)
}
