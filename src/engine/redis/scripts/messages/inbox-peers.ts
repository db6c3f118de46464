import { script } from '../context/context.js'
import { reply } from '../context/counts.js'
import { numberArg, whole } from '../context/text.js'
import { epochOf } from '../state/history.js'
import { loadInbox, type User } from '../users/user.js'
import { entries, type Kind } from './entries.js'
import { messageOf } from './inbox.js'
import { isUnread, markOf, unreadOf } from './unread.js'

/** How many arguments come before the offsets. */
const FIRST_ARGS = 5

/** Returns how many messages in items of `peerLog` are unread, in all and by peer. The last item is about the offset `to`. */
const unreadIn = (
  user: User,
  items: readonly string[],
  to: number,
): LuaMultiReturn<[total: number, byPeer: Partial<Record<string, number>>]> => {
  let total = 0
  const byPeer: Partial<Record<string, number>> = {}
  for (let n = 0; n < items.length; n++) {
    const [at, kind, peer = ''] = string.match(items[n] ?? '', '^(%d*) ?(.)(.*)$')
    const offset = tonumber(at) ?? to - items.length + 1 + n
    if (!isUnread(script.keys, user, { offset, kind: kind as Kind, peer })) continue
    total++
    byPeer[peer] = (byPeer[peer] ?? 0) + 1
  }
  return $multi(total, byPeer)
}

/**
 * Reads the peer of each message that comes after those known to the caller. Also reads the messages, and the unread counts of peers, that
 * the caller asks for. `epoch` is the number of the epoch that the caller knows, and `known` the last offset whose peer the caller knows.
 * The script reads at most `most` items of `peerLog`. If `leavesOut` is `1`, the unread counts leave out the messages whose items are read.
 * `offsetCount` offsets of messages to read follow; then the ids of peers whose unread counts the caller asks for, empty for the backend.
 *
 * Returns the number of the epoch; the newest offset; the read offset; the number of unread messages; the oldest offset; 1 if the caller
 * knows another epoch or inbox, else 0; the last offset whose item of `peerLog` was read; the items that were read, separated by NUL; a
 * list with each message as JSON, or an empty text if the inbox lacks it; a list with two entries for each peer: the number of unread
 * messages, and the offset of the peer's mark.
 */
export const inboxPeers = (args: string[]): unknown[] => {
  const [epoch, known, most, leavesOut, offsetCount] = args
  const { keys } = script
  const user = loadInbox(keys.user)
  const { newest, first } = user
  const knownOffset = numberArg(known)
  // When all messages of a guest have moved to a user, the guest's offsets begin anew in the same epoch. So `known` may exceed `newest`.
  const isOther = tonumber(epoch) !== epochOf(user) || knownOffset > newest
  const from = Math.max(isOther ? 0 : knownOffset, first - 1) + 1
  const to = Math.min(from + numberArg(most) - 1, newest)
  const items =
    from <= to ? redis.call('LRANGE', keys.peerLog, whole(from - newest - 1), whole(to - newest - 1)) : []
  const [leftOut, leftOutWith] = unreadIn(user, leavesOut === '1' ? items : [], to)

  const messages: string[] = []
  const firstPeer = FIRST_ARGS + numberArg(offsetCount)
  for (let n = FIRST_ARGS; n < firstPeer; n++) {
    const offset = numberArg(args[n])
    const entry = entries(keys, offset, offset, 1)[0]
    messages.push(entry === undefined ? '' : messageOf(entry.offset, entry.json))
  }
  const peers: number[] = []
  for (let n = firstPeer; n < args.length; n++) {
    const peer = args[n] ?? ''
    peers.push(unreadOf(keys, peer) - (leftOutWith[peer] ?? 0), markOf(keys, user, peer)?.[0] ?? 0)
  }
  const texts = table.concat(items, '\0')
  const unread = user.unread - leftOut
  return reply(
    epochOf(user),
    newest,
    user.readOffset,
    unread,
    first,
    isOther ? 1 : 0,
    to,
    texts,
    messages,
    peers,
  )
}
