import { script } from '../context/context.js'
import { reply, replyList, type Script } from '../context/counts.js'
import { optional } from '../context/text.js'
import { awaitEpochs, epochOf, readGeneration } from '../state/history.js'
import { load, loadInbox, store, type User } from '../users/user.js'
import { announce } from '../webhooks/events.js'
import { newestEntries, readAfter, visitEntries, type Entry } from './entries.js'
import { messageOf, reportRead } from './inbox.js'
import { firstUnread, forgetUnread, isUnread } from './unread.js'

/** Returns at most `limit` messages before an offset, or the newest messages, the oldest message first. */
const readBefore = (user: User, offset: number | undefined, limit: number): Entry[] => {
  const to = Math.min((offset ?? user.newest + 1) - 1, user.newest)
  const found: Entry[] = []
  if (limit <= 0 || user.first > to) return found
  const newest = newestEntries(script.keys, user.first, to, limit)
  for (let n = newest.length - 1; n >= 0; n--) {
    const entry = newest[n]
    if (entry !== undefined) found.push(entry)
  }
  return found
}

/** Reads the state of an inbox, and messages after a position or before an offset. */
export const readInbox: Script<'readInbox'> = ([limit, offset, epoch]) => {
  const user = loadInbox(script.keys.user)
  const present = epochOf(user)
  const most = tonumber(limit)
  let found: Entry[]
  let isLost = false
  const asked = optional(epoch)
  if (asked === undefined) found = readBefore(user, tonumber(offset), most)
  else [found, isLost] = readAfter(script.keys, user, tonumber(asked) ?? present, tonumber(offset) ?? 0, most)
  const messages: string[] = []
  for (const entry of found) messages.push(messageOf(entry.offset, entry.json))
  return reply(present, user.newest, user.readOffset, user.unread, messages, isLost ? 1 : 0)
}

/** Counts messages up to `target` as read, or as many of these as one step can. Returns the last offset that it has reached. */
const readUpTo = (user: User, target: number): number => {
  const { keys } = script
  if (target === user.newest) {
    // Without unread messages, counts and marks of peers are not needed.
    redis.call('DEL', keys.unread)
    user.readUpTo = undefined
    user.unread = 0
    return target
  }
  if (target < user.first) return target
  return visitEntries(keys, firstUnread(user), target, (entry) => {
    if (isUnread(keys, user, entry)) forgetUnread(keys, user, entry)
    return false
  })
}

/** Marks the messages up to an offset as read, or as many of these as one step can. */
export const markRead: Script<'markRead'> = ([epoch, offset]) => {
  awaitEpochs()
  const user = load(script.keys.user)
  if (tonumber(epoch) !== epochOf(user)) return reply(0)
  const target = Math.min(tonumber(offset), user.newest)
  let isUnfinished = false
  if (target > user.readOffset) {
    const reached = Math.min(target, readUpTo(user, target))
    isUnfinished = reached < target
    user.readOffset = reached
    if (user.readUpTo !== undefined && user.readUpTo < reached) user.readUpTo = reached
    // Only the last step emits the event, for all steps.
    if (!isUnfinished) reportRead(user)
    store(user)
    announce()
  }
  return reply(1, epochOf(user), user.newest, user.readOffset, user.unread, isUnfinished ? 1 : 0)
}

/** Reads the newest offsets of users, also while the history is unsettled (`history.ts`). The first keys are the users' hashes. */
export const newestOffsets: Script<'newestOffsets'> = ([users]) => {
  readGeneration()
  const result: [epoch: number, offset: number][] = []
  const count = tonumber(users)
  for (let n = 0; n < count; n++) {
    const user = loadInbox(script.given[n] ?? '')
    result.push([epochOf(user), user.newest])
  }
  return replyList(result)
}
