import { afterCheck, needsCheck } from '../../../decide/messages/unread-check.js'
import { engineRules } from '../../../rules.js'
import { finish } from '../sessions/sessions.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { json, whole } from '../context/text.js'
import { loadRest, loadInbox, set, type User } from '../users/user.js'
import { addEvent } from '../webhooks/events.js'
import { entries, newestEntries, type Entry } from './entries.js'
import { epochText, messageOf } from './inbox.js'
import { firstUnread, isUnread } from './unread.js'

const { searchedForUnread, reportedUnread } = engineRules

/** Returns the oldest unread message among the first messages of a range; undefined if there is none. */
const oldestUnread = (user: User, from: number): Entry | undefined => {
  for (const entry of entries(user, from, user.newest, searchedForUnread))
    if (isUnread(user, entry)) return entry
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
  const { now } = script
  const from = firstUnread(user)
  if (user.unread === 0 || from > user.newest) return undefined
  let oldest = oldestUnread(user, from)
  const newest: string[] = []
  for (const entry of newestEntries(user, from, user.newest, searchedForUnread)) {
    if (!isUnread(user, entry)) continue
    oldest ??= entry
    if (newest.length < reportedUnread) table.insert(newest, 1, messageOf(entry))
  }
  if (oldest === undefined) return undefined
  // If all of the newest messages were marked as read, peer by peer, the event has only the oldest unread message.
  if (newest.length === 0) newest.push(messageOf(oldest))
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
  const { now } = script
  const user = loadInbox()
  if (user.createdAt === undefined || user.unread === 0) return reply()
  loadRest(user)
  if (user.unreadCheckAt !== undefined) return reply()
  const from = firstUnread(user)
  const oldest = oldestUnread(user, from)
  const since = now - tonumber(askedFor)
  if (oldest !== undefined && !needsCheck(oldest, since, tonumber(after), now)) return reply()
  const at = oldest === undefined ? now : Math.max(now, Math.ceil(oldest.at + tonumber(after)))
  set(user, 'unreadCheckAt', at)
  set(user, 'unreadCheckOffset', oldest?.offset ?? from)
  finish(user)
  return reply()
}
