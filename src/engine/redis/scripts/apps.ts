import { script } from './context/context.js'
import { reply, replyList } from './context/counts.js'
import { numberArg, whole } from './context/text.js'
import { reachedSince } from './state/history.js'

/*
 * The apps of the nodes' configs. The hash `appNotes` has under an app's id when a node last noted that it has the app, and under the id
 * and NUL a 1 if the app's inboxes were searched for unread messages.
 */

/**
 * Stores an app's options, which other nodes read (`touchApps`). `options` is JSON. `asksUnread` is `1` if the app asks for
 * `message.unread`, else empty. Returns 1 if the app's inboxes are to be searched for messages that were unread before it began to ask for
 * `message.unread`, else 0.
 */
export const configure = ([options = '', asksUnread]: string[]): unknown[] => {
  const { appId, keys } = script
  const search = `${appId}\0`
  redis.call('HSET', keys.apps, appId, options)
  redis.call('HSET', keys.appNotes, appId, whole(script.now))
  if (asksUnread !== '') return reply(1 - redis.call('HEXISTS', keys.appNotes, search))
  redis.call('HDEL', keys.appNotes, search)
  return reply(0)
}

/**
 * Notes that the calling node has the apps `appIds` in its config. An app counts as in use for `usedFor` milliseconds after such a note.
 * Returns for each app its id, its options, and 1 if it is in use, else 0. The time in which no node reached the server does not count.
 */
export const touchApps = ([usedFor, ...appIds]: string[]): unknown[] => {
  const { apps, appNotes } = script.keys
  for (const appId of appIds) redis.call('HSET', appNotes, appId, whole(script.now))
  const duration = numberArg(usedFor)
  const since = reachedSince()
  const found: unknown[] = []
  const all = redis.call('HGETALL', apps)
  for (let n = 0; n < all.length; n += 2) {
    const appId = all[n] ?? ''
    const at = Math.max(tonumber(redis.call('HGET', appNotes, appId)) ?? 0, since)
    found.push(appId, all[n + 1], at + duration > script.now ? 1 : 0)
  }
  return replyList(found)
}

/**
 * Reads the counts of an app's data, in a cluster those in a partition. Returns the numbers of users, guests, inboxes, bytes of messages,
 * sessions, pending webhook events, and bytes of these events.
 */
export const readCounts = (): unknown[] => {
  const fields = ['users', 'guests', 'inboxes', 'bytes', 'sessions', 'events', 'eventBytes'] as const
  return redis.call('HMGET', script.keys.counts, ...fields)
}
