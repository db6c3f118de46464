import { reply, type Script } from '../context/counts.js'
import { epochOf, inboxReply } from '../state/history.js'
import { loadInbox, type User } from '../users/user.js'
import { entries, newestEntries, readAfter, type Entry } from './entries.js'
import { messageOf } from './inbox.js'
import { firstUnread, isUnread } from './unread.js'

/** How many messages one step reads at most. */
const MAX_READ = 256
/** The members with which the JSON of an adopted message ends (`adopted-json.ts`) have fewer characters. */
const MAX_END = 64

/** Returns at most `limit` messages before an offset, or the newest messages, the oldest message first. */
const readBefore = (user: User, offset: number | undefined, limit: number): Entry[] => {
  const to = Math.min((offset ?? Infinity) - 1, user.newest)
  return limit <= 0 || user.first > to ? [] : newestEntries(user, user.first, to, limit).reverse()
}

/** Reads the state of an inbox, and messages after a position or before an offset. */
export const readInbox: Script<'readInbox'> = ([limit, offset, epoch]) => {
  const user = loadInbox()
  const most = tonumber(limit)
  let found: Entry[]
  let isLost = false
  if (epoch === '') found = readBefore(user, tonumber(offset), most)
  else [found, isLost] = readAfter(user, tonumber(epoch) ?? epochOf(user), tonumber(offset) ?? 0, most)
  const messages = found.map((entry) => messageOf(entry))
  return reply(messages, isLost ? 1 : 0, ...inboxReply(user))
}

/**
 * Returns whether a message was a guest's whom the user has adopted. The JSON is not decoded, because a message may have half of a
 * surrogate pair, which cjson refuses.
 */
const isAdopted = (json: string): boolean =>
  string.find(string.sub(json, -MAX_END), ',"adopted":true,"sentAt":%d+}$')[0] !== undefined

/**
 * Reads the unread messages after an offset, without those of guests whom the user has adopted. One step reads at most `MAX_READ` messages.
 */
export const readPushUnread: Script<'readPushUnread'> = ([offset]) => {
  const user = loadInbox()
  const asked = tonumber(offset)
  // An offset beyond the newest message belongs to an earlier epoch.
  const after = asked > user.newest ? 0 : asked
  const from = Math.max(after + 1, firstUnread(user))
  const found: Entry[] = []
  const newestOf: Partial<Record<string, Entry>> = {}
  for (const entry of entries(user, from, user.newest, MAX_READ)) {
    if (!isUnread(user, entry) || isAdopted(entry.json)) continue
    found.push(entry)
    newestOf[entry.peer] = entry
  }
  const list = found
    .filter((entry) => newestOf[entry.peer] === entry)
    .map((entry) => `${string.sub(messageOf(entry), 1, -2)}${entry.trace ?? ''}}`)
  const last = from + MAX_READ - 1
  const next = last < user.newest ? last : 0
  return reply(next, list, ...inboxReply(user))
}
