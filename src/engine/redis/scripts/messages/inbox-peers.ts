import { reply, type Script } from '../context/counts.js'
import { whole } from '../context/text.js'
import { epochOf } from '../state/history.js'
import { loadInbox, type User } from '../users/user.js'
import { entries, type Kind } from './entries.js'
import { messageOf } from './inbox.js'
import { isUnread, markOf, unreadOf } from './unread.js'

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
    if (!isUnread(user, { offset, kind: kind as Kind, peer })) continue
    total++
    byPeer[peer] = (byPeer[peer] ?? 0) + 1
  }
  return $multi(total, byPeer)
}

/**
 * Reads the peer of each message that comes after those known to the caller. Also reads the messages, and the unread counts of peers, that
 * the caller asks for.
 */
export const inboxPeers: Script<'inboxPeers'> = ([epoch, known, most, leavesOut, offsetCount, ...asked]) => {
  const user = loadInbox()
  const { newest, first } = user
  const knownOffset = tonumber(known)
  // When all messages of a guest have moved to a user, the guest's offsets begin anew in the same epoch. So `known` may exceed `newest`.
  const isOther = tonumber(epoch) !== epochOf(user) || knownOffset > newest
  const from = Math.max(isOther ? 0 : knownOffset, first - 1) + 1
  const to = Math.min(from + tonumber(most) - 1, newest)
  const items =
    from <= to
      ? redis.call('LRANGE', user.keys.peerLog, whole(from - newest - 1), whole(to - newest - 1))
      : []
  const [leftOut, leftOutWith] = unreadIn(user, leavesOut === '1' ? items : [], to)

  const messages: string[] = []
  const offsets = tonumber(offsetCount)
  for (let n = 0; n < offsets; n++) {
    const offset = tonumber(asked[n]) ?? 0
    const entry = entries(user, offset, offset, 1)[0]
    messages.push(entry === undefined ? '' : messageOf(entry))
  }
  const peers: [unread: number, mark: number][] = []
  for (let n = offsets; n < asked.length; n++) {
    const peer = asked[n] ?? ''
    peers.push([unreadOf(user, peer) - (leftOutWith[peer] ?? 0), markOf(user, peer)?.[0] ?? 0])
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
