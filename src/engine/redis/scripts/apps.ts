import { script } from './context/context.js'
import { reply, replyList, type Script } from './context/counts.js'
import { whole } from './context/text.js'
import { reachedSince } from './state/history.js'

/*
 * The apps of the nodes' configs. The hash `appNotes` has under an app's id when a node last noted that it has the app, and under the id
 * and NUL a 1 if the app's inboxes were searched for unread messages.
 */

/** Stores an app's options, which other nodes read (`touchApps`). */
export const configure: Script<'configure'> = ([options, asksUnread]) => {
  const { appId, keys } = script
  const search = `${appId}\0`
  redis.call('HSET', keys.apps, appId, options)
  redis.call('HSET', keys.appNotes, appId, whole(script.now))
  if (asksUnread !== '') return reply(redis.call('HEXISTS', keys.appNotes, search) === 1 ? 0 : 1)
  redis.call('HDEL', keys.appNotes, search)
  return reply(0)
}

/**
 * Notes that the calling node has apps in its config, and lists all apps. An app counts as in use for a while after such a note. The time
 * in which no node reached the server does not count.
 */
export const touchApps: Script<'touchApps'> = ([usedFor, ...appIds]) => {
  const { apps, appNotes } = script.keys
  for (const appId of appIds) redis.call('HSET', appNotes, appId, whole(script.now))
  const duration = tonumber(usedFor)
  const since = reachedSince()
  const found: [appId: string, options: string, isInUse: 0 | 1][] = []
  const all = redis.call('HGETALL', apps)
  for (let n = 0; n < all.length; n += 2) {
    const appId = all[n] ?? ''
    const at = Math.max(tonumber(redis.call('HGET', appNotes, appId)) ?? 0, since)
    found.push([appId, all[n + 1] ?? '', at + duration > script.now ? 1 : 0])
  }
  return replyList(found)
}
