import { USER } from '../../fields.js'
import type { WireEventOf } from '../../wire-event.js'
import { replyList, type Script } from '../context/counts.js'
import { script } from '../context/context.js'
import { whole } from '../context/text.js'
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
 * for each user: `watch`, which lists the nodes that watch the user, and `user`.
 */
export const watch: Script<'watch'> = ([duration]) => {
  const { given, now, self } = script
  const keptFor = tonumber(duration)
  const result: [online: 0 | 1, lastSeenAt: number][] = []
  for (let n = 0; n + 1 < given.length; n += 2) {
    const [watchers = '', user = ''] = [given[n], given[n + 1]]
    redis.call('ZREMRANGEBYSCORE', watchers, '-inf', now)
    redis.call('ZADD', watchers, now + keptFor, self)
    redis.call('PEXPIRE', watchers, keptFor)
    const found = redis.call('HMGET', user, USER.online, USER.lastSeenAt)
    result.push(found[0] === false ? [0, tonumber(found[1]) ?? -1] : [1, now])
  }
  return replyList(result, now)
}
