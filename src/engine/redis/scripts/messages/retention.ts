import { hasExpired } from '../../../decide/messages/expired.js'
import { exceedsShare } from '../../../decide/messages/share.js'
import type { Retention } from '../../../inbox-records.js'
import { script } from '../context/context.js'
import { count } from '../context/counts.js'
import { whole } from '../context/text.js'
import type { User } from '../users/user.js'
import { entries, MAX_CHUNK, type Entry } from './entries.js'
import type { Rules } from './rules.js'
import { forgetMark, forgetUnread, isUnread, unreadAmountOf } from './unread.js'

/*
 * Which messages an inbox keeps. The hash `held` counts the bytes that each sender's messages take in the inboxes of others on this server;
 * in a cluster, in this partition. `aging` has the user of each inbox, with the time of its oldest message or an earlier time.
 */

/**
 * How many messages beyond the retention one script deletes at most. After the retention was lowered there may be thousands, and other
 * calls would wait while one script deletes all of them.
 */
export const MAX_DROPPED = 256
/** How many expired messages one script deletes at most. */
const MAX_EXPIRED = 64
/** `peerLog` is trimmed once for so many offsets. Its readers ignore what is before `first`. */
const PEER_LOG_TRIMMED = 64

/** How many messages an inbox keeps, and how many bytes they may take. */
export type Amount = Pick<Retention, 'messages' | 'bytes'>

/**
 * Adds `bytes` of a message in the user's inbox to those that its sender's messages take in the inboxes of others. Returns the sum. Messages of the backend, and own copies,
 * do not count: for these it returns undefined.
 */
export const hold = (user: User, from: string, bytes: number): number | undefined => {
  if (from === '' || from === user.id) return undefined
  const sum = redis.call('HINCRBY', script.keys.held, from, whole(bytes))
  if (sum <= 0) redis.call('HDEL', script.keys.held, from)
  return sum
}

/** Deletes the messages in `old`, which are the oldest of the inbox. */
export const drop = (user: User, old: readonly Entry[]): void => {
  const last = old[old.length - 1]
  if (last === undefined) return
  let bytes = 0
  const bytesOf: Partial<Record<string, number>> = {}
  for (const entry of old) {
    const { from, size } = entry
    bytes += size
    if (from !== null) bytesOf[from] = (bytesOf[from] ?? 0) + size
    if (isUnread(user, entry)) forgetUnread(user, entry)
    if (user.readUpTo !== undefined) forgetMark(user, entry)
  }
  for (const [from, sum] of pairs(bytesOf)) hold(user, from, -sum)
  const before = user.first
  user.first = last.offset + 1
  user.bytes -= bytes
  count('bytes', -bytes)
  if (user.first > user.newest) {
    // If this script sends a message that is then refused, the inbox stays empty. So the owner stays in `aging`: there the sweep finds a
    // guest without messages, and deletes the guest.
    redis.call('DEL', user.keys.inbox, user.keys.peerLog)
    return
  }
  redis.call('XTRIM', user.keys.inbox, 'MINID', `${whole(user.first)}-0`)
  if (Math.floor(user.first / PEER_LOG_TRIMMED) > Math.floor(before / PEER_LOG_TRIMMED))
    redis.call('LTRIM', user.keys.peerLog, whole(user.first - user.newest - 1), '-1')
}

/**
 * Returns whether the inbox exceeds the retention if its newest offset is `last` and its messages take `bytes` bytes. The newest message
 * stays, even if it alone takes more bytes than the retention has.
 */
export const exceeds = (user: User, last: number, bytes: number, retention: Amount): boolean =>
  last - user.first + 1 > retention.messages || (bytes > retention.bytes && user.first < last)

/**
 * Returns the oldest messages: those that are beyond the retention if the newest offset of the inbox is `last` and its messages take
 * `bytes` bytes. It returns at most `MAX_DROPPED` messages; a later script finds the others. It reads few messages that stay, because each
 * message to a full inbox waits for these reads.
 */
const beyond = (user: User, last: number, bytes: number, retention: Amount): Entry[] => {
  const old: Entry[] = []
  if (!exceeds(user, last, bytes, retention)) return old
  const kept = last - retention.messages + 1
  let first = user.first
  let left = bytes
  while (
    old.length < MAX_DROPPED &&
    first <= user.newest &&
    (first < kept || (left > retention.bytes && first < last))
  ) {
    const wanted = Math.min(Math.max(kept - first, old.length, 1), MAX_CHUNK, MAX_DROPPED - old.length)
    const chunk = entries(user, first, user.newest, wanted)
    if (chunk.length === 0) break
    for (const entry of chunk) {
      if (entry.offset >= kept && (left <= retention.bytes || entry.offset >= last)) return old
      left -= entry.size
      old.push(entry)
      first = entry.offset + 1
    }
  }
  return old
}

/** Returns the oldest messages that a new message of `size` bytes pushes out of the inbox, as `beyond` does. */
export const pushedOut = (user: User, size: number, retention: Amount): Entry[] =>
  beyond(user, user.newest + 1, user.bytes + size, retention)

/** Deletes messages beyond the retention, a limited number in one step. Returns whether there may be more. */
export const trim = (user: User, retention: Amount): boolean => {
  const old = beyond(user, user.newest, user.bytes, retention)
  drop(user, old)
  return old.length === MAX_DROPPED
}

/**
 * Returns whether a new message would push out an unread message of someone else, although the unread messages of its sender already exceed
 * the sender's share of this inbox, in number or in bytes. `old` are the messages that the new one pushes out.
 */
export const isCrowded = (
  user: User,
  from: string,
  old: readonly Entry[],
  { share, retention }: Rules,
): boolean => {
  if (from === '' || from === user.id) return false
  for (const entry of old)
    if (entry.peer !== from && isUnread(user, entry))
      return exceedsShare(unreadAmountOf(user, from), share, retention)
  return false
}

/** Forgets the messages of an inbox whose Redis stream has none: Redis has evicted it, or somebody has deleted the messages by hand. */
const forgetMissing = (user: User): void => {
  redis.call('DEL', user.keys.inbox, user.keys.unread, user.keys.peerLog)
  count('bytes', -user.bytes)
  user.first = user.newest + 1
  user.bytes = 0
  user.unread = 0
  user.readUpTo = undefined
}

/** Deletes messages that are too old, a limited number in one step. Returns whether more may have expired. */
export const expire = (user: User, retention: Pick<Retention, 'age'>): boolean => {
  const { now } = script
  if (user.first > user.newest || user.oldestAt === undefined || !hasExpired(user.oldestAt, retention, now))
    return false
  const old: Entry[] = []
  const found = entries(user, user.first, user.newest, MAX_EXPIRED)
  if (found.length === 0) forgetMissing(user)
  for (const entry of found) {
    user.oldestAt = entry.at
    if (!hasExpired(entry.at, retention, now)) break
    old.push(entry)
  }
  drop(user, old)
  if (user.first <= user.newest) redis.call('ZADD', user.keys.aging, whole(user.oldestAt), user.id)
  return old.length === MAX_EXPIRED
}
