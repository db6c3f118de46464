import { afterCheck } from '../../../decide/messages/unread-check.js'
import { engineRules } from '../../../rules.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { json, whole } from '../context/text.js'
import { loadDeadlines, loadInbox, schedule, set, storeFields, type User } from '../users/user.js'
import { addEvent } from '../webhooks/events.js'
import { entries, newestEntries, type Entry } from './entries.js'
import { epochText, messageOf } from './inbox.js'
import { firstUnread, isUnread } from './unread.js'

const { searchedForUnread, reportedUnread } = engineRules

/** Returns the oldest unread message among the first messages of a range; undefined if there is none. */
const oldestUnread = (user: User, from: number): Entry | undefined => {
  const { keys } = script
  for (const entry of entries(keys, from, user.newest, searchedForUnread))
    if (isUnread(keys, user, entry)) return entry
  return undefined
}

/** Adds the event `message.unread`. */
const reportUnread = (user: User, oldest: Entry, newest: readonly string[]): void => {
  const [oldestAt = ''] = string.match(oldest.json, '"sentAt":(%d+)}$')
  const head = `"userId":${json(script.userId)},"epoch":${epochText(user)},"unread":${whole(user.unread)}`
  const messages = table.concat(newest, ',')
  addEvent(user, 'message.unread', `${head},"oldestAt":${oldestAt},"messages":[${messages}]`)
}

/** Looks for unread messages, and reports them if it is time. Returns when it looks again; undefined if nothing is left to look for. */
export const checkUnread = (user: User, after: number): number | undefined => {
  const { keys, now } = script
  const from = firstUnread(user)
  if (user.unread === 0 || from > user.newest) return undefined
  let oldest = oldestUnread(user, from)
  const newest: string[] = []
  for (const entry of newestEntries(keys, from, user.newest, searchedForUnread)) {
    if (!isUnread(keys, user, entry)) continue
    oldest ??= entry
    if (newest.length < reportedUnread) table.insert(newest, 1, messageOf(entry.offset, entry.json))
  }
  if (oldest === undefined) return undefined
  // If all of the newest messages were marked as read, peer by peer, the event has only the oldest unread message.
  if (newest.length === 0) newest.push(messageOf(oldest.offset, oldest.json))
  // With an inbox the check of its messages is deleted, too. So the check is of this inbox.
  const { deletions } = user
  const { offset, at } = oldest
  const next = afterCheck([user.unreadCheckOffset ?? 0, deletions], { offset, at, deletions }, after, now)
  if (next === 'report') {
    reportUnread(user, oldest, newest)
    return undefined
  }
  if (next === 'nothing') return undefined
  set(user, 'unreadCheckOffset', next.check[0])
  return next.at
}

/**
 * Sets when the sweep looks for the unread messages of a user whose app begins to ask for `message.unread`, unless that time is set.
 */
export const beginUnread: Script<'beginUnread'> = ([askedFor, after]) => {
  const { now, keys } = script
  const user = loadInbox(keys.user)
  if (user.createdAt === undefined || user.unread === 0) return reply()
  loadDeadlines(user)
  if (user.unreadCheckAt !== undefined) return reply()
  const from = firstUnread(user)
  const oldest = oldestUnread(user, from)
  const at = oldest === undefined ? now : Math.max(now, Math.ceil(oldest.at + tonumber(after)))
  // A streak that began since then was reported. One of the same millisecond may have begun before: reported twice is better than never.
  if (oldest !== undefined && oldest.at > now - tonumber(askedFor) && at === now) return reply()
  set(user, 'unreadCheckAt', at)
  set(user, 'unreadCheckOffset', oldest?.offset ?? from)
  schedule(user)
  storeFields(user)
  return reply()
}
