import { script } from '../context/context.js'
import { reply, replyList, type Script } from '../context/counts.js'
import { epochOf, inboxReply, readGeneration } from '../state/history.js'
import { loadInbox, loadNumbers, type User } from '../users/user.js'
import { newestEntries, readAfter, type Entry } from './entries.js'
import { messageOf } from './inbox.js'

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
  return reply(
    found.map((entry) => messageOf(entry)),
    isLost ? 1 : 0,
    ...inboxReply(user),
  )
}

/** Reads the newest offsets of users, also while the history is unsettled (`history.ts`). The first keys are the users' hashes. */
export const newestOffsets: Script<'newestOffsets'> = ([users]) => {
  readGeneration()
  const result: [epoch: number, offset: number][] = []
  const count = tonumber(users)
  for (let n = 0; n < count; n++) {
    const user = loadNumbers(script.given[n] ?? '')
    result.push([epochOf(user), user.newest])
  }
  return replyList(result)
}
