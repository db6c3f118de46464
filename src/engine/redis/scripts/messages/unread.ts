import { matters, type PeerMark } from '../../../decide/messages/peer-marks.js'
import { UNREAD } from '../../fields.js'
import { whole } from '../context/text.js'
import type { User } from '../users/user.js'
import type { Entry } from './entries.js'

/*
 * Which messages of an inbox are unread. The hash `unread` counts unread messages and their bytes by sender. It also has the mark of each
 * peer: the offset up to which the peer's messages are read.
 */

const { messages: MESSAGES, bytes: BYTES, mark: MARK } = UNREAD

/** Returns the mark of a peer; undefined if there is none that matters. Together with the mark's newest message the mark is deleted. */
export const markOf = (user: User, peer: string): PeerMark | undefined => {
  if (user.readUpTo === undefined) return undefined
  const stored = redis.call('HGET', user.keys.unread, MARK + peer)
  if (stored === false) return undefined
  const [offset, newest] = string.match(stored, '^(%d+) (%d+)$')
  const mark: PeerMark = [tonumber(offset) ?? 0, tonumber(newest) ?? 0]
  return matters(mark, user.first) ? mark : undefined
}

/** Sets the mark of a peer. */
export const setMark = (user: User, peer: string, offset: number, newest: number): void => {
  redis.call('HSET', user.keys.unread, MARK + peer, `${whole(offset)} ${whole(newest)}`)
}

/** Returns the number of unread messages from a peer. */
export const unreadOf = (user: User, peer: string): number =>
  tonumber(redis.call('HGET', user.keys.unread, MESSAGES + peer)) ?? 0

/** Returns the number of unread messages from a peer, and their bytes. */
export const unreadAmountOf = (user: User, peer: string): { messages: number; bytes: number } => {
  const counts = redis.call('HMGET', user.keys.unread, MESSAGES + peer, BYTES + peer)
  return { messages: tonumber(counts[0]) ?? 0, bytes: tonumber(counts[1]) ?? 0 }
}

/** What says whether a message is unread. */
export type Received = Pick<Entry, 'offset' | 'kind' | 'peer'>

export const isUnread = (user: User, entry: Received): boolean => {
  const { offset } = entry
  if (offset <= user.readOffset || entry.kind !== 'r') return false
  if (user.readUpTo === undefined) return true
  if (offset <= user.readUpTo) return false
  const mark = markOf(user, entry.peer)
  return mark === undefined || offset > mark[0]
}

/** Returns the first offset that may be unread. */
export const firstUnread = (user: User): number =>
  Math.max(user.first, user.readOffset + 1, (user.readUpTo ?? 0) + 1)

/** Deletes the mark of a message's peer, if this message was the newest with the peer when the mark was set. */
export const forgetMark = (user: User, entry: Entry): void => {
  const mark = markOf(user, entry.peer)
  if (mark?.[1] === entry.offset) redis.call('HDEL', user.keys.unread, MARK + entry.peer)
}

/** Adds a message to the counts of unread messages. `size` are its bytes. */
export const countUnread = (user: User, peer: string, size: number): void => {
  user.unread += 1
  redis.call('HINCRBY', user.keys.unread, MESSAGES + peer, '1')
  redis.call('HINCRBY', user.keys.unread, BYTES + peer, whole(size))
}

/** Deletes the counts of a peer's unread messages. */
export const forgetCounts = (user: User, peer: string): void => {
  redis.call('HDEL', user.keys.unread, MESSAGES + peer, BYTES + peer)
}

/** Subtracts a message from the counts of unread messages. */
export const forgetUnread = (user: User, entry: Entry): void => {
  user.unread = Math.max(user.unread - 1, 0)
  if (redis.call('HINCRBY', user.keys.unread, MESSAGES + entry.peer, '-1') <= 0)
    forgetCounts(user, entry.peer)
  else redis.call('HINCRBY', user.keys.unread, BYTES + entry.peer, whole(-entry.size))
}
