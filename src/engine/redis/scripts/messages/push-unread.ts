import { reply, type Script } from '../context/counts.js'
import { entries, type Entry } from '../messages/entries.js'
import { messageOf } from '../messages/inbox.js'
import { firstUnread, isUnread } from '../messages/unread.js'
import { inboxReply } from '../state/history.js'
import { loadInbox } from '../users/user.js'

/** How many messages one step reads at most. */
const MAX_READ = 256
/** The members with which the JSON of an adopted message ends (`adopted-json.ts`) have fewer characters. */
const MAX_END = 64

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
  const list: string[] = []
  for (const entry of found) {
    if (newestOf[entry.peer] !== entry) continue
    const json = messageOf(entry)
    list.push(`${string.sub(json, 1, -2)}${entry.trace ?? ''}}`)
  }
  const last = from + MAX_READ - 1
  const next = last < user.newest ? last : 0
  return reply(next, list, ...inboxReply(user))
}
