import { script } from '../context/context.js'
import type { Script } from '../context/counts.js'
import { whole } from '../context/text.js'
import { visit } from '../state/history.js'
import { DUE_EVENTS_WAIT } from '../webhooks/queue.js'

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
