import { peerReadOffset } from '../../../decide/messages/peer-marks.js'
import { reply, type Script } from '../context/counts.js'
import { whole } from '../context/text.js'
import { awaitEpochs, epochOf, inboxReply } from '../state/history.js'
import { load, store, type User } from '../users/user.js'
import { visitEntries } from './entries.js'
import { reportRead, type ReadPeer } from './inbox.js'
import { firstUnread, forgetCounts, forgetUnread, isUnread, markOf, setMark, unreadOf } from './unread.js'

/** Returns how many messages of a peer are unread, and up to which offset the others are read. */
const stateOf = (user: User, id: string): ReadPeer => {
  const readOffset = peerReadOffset(user, markOf(user, id), user.first)
  return { id, unread: unreadOf(user, id), readOffset }
}

/**
 * Returns the offset of the newest message with the peer; 0 if there is none. `newest` is that among the messages up to the offset `known`;
 * 0 if there is none.
 */
const newestWith = (user: User, peer: string, known: number, newest: number): number => {
  let found = newest
  if (known < user.newest) {
    const later = redis.call('LRANGE', user.keys.peerLog, whole(known - user.newest), '-1')
    // The list may be shorter than asked for, because retention may have trimmed it meanwhile. The last item is about the newest offset.
    for (let n = 0; n < later.length; n++)
      if (string.sub(later[n] ?? '', 2) === peer) found = user.newest - later.length + 1 + n
  }
  return found >= user.first ? found : 0
}

/** Counts messages up to `target` as read, or as many of these as one step can. Returns the last offset that it has reached. */
const readAll = (user: User, target: number): number => {
  if (target === user.newest) {
    // Without unread messages, counts and marks of peers are not needed.
    redis.call('DEL', user.keys.unread)
    user.readUpTo = undefined
    user.unread = 0
    return target
  }
  if (target < user.first) return target
  return visitEntries(user, firstUnread(user), target, (entry) => {
    if (isUnread(user, entry)) forgetUnread(user, entry)
    return false
  })
}

/** Does what `readAll` does, for the messages of a peer. */
const readOfPeer = (user: User, { id, unread, readOffset }: ReadPeer, target: number): number => {
  if (target === user.newest) {
    user.unread = Math.max(user.unread - unread, 0)
    forgetCounts(user, id)
    return target
  }
  if (unread <= 0) return target
  return visitEntries(user, Math.max(firstUnread(user), readOffset + 1), target, (entry) => {
    if (entry.peer === id && isUnread(user, entry)) forgetUnread(user, entry)
    return false
  })
}

/** Moves `readUpTo` to just before the next unread message, or past as many messages as one step reads. */
const advance = (user: User): void => {
  user.readUpTo ??= user.readOffset
  if (user.unread === 0) {
    user.readUpTo = user.newest
    return
  }
  const from = firstUnread(user)
  const reached = visitEntries(user, from, user.newest, (entry) => isUnread(user, entry))
  if (reached >= from) user.readUpTo = reached
}

/**
 * Marks messages up to an offset as read, or as many of these as one step can: all messages, or with `known` those of a peer. A peer with
 * whom the inbox has no messages gets no mark.
 */
export const markRead: Script<'markRead'> = ([epoch, offset, peer = '', known, newest]) => {
  awaitEpochs()
  const user = load()
  if (tonumber(epoch) !== epochOf(user)) return reply(0)
  const target = Math.min(tonumber(offset), user.newest)
  const newestOffset =
    known === undefined ? user.newest : newestWith(user, peer, tonumber(known) ?? 0, tonumber(newest) ?? 0)
  let ofPeer = known === undefined ? undefined : stateOf(user, peer)
  let isUnfinished = false
  if (newestOffset > 0 && target > (ofPeer ?? user).readOffset) {
    const reached = Math.min(
      target,
      ofPeer === undefined ? readAll(user, target) : readOfPeer(user, ofPeer, target),
    )
    if (ofPeer === undefined) {
      user.readOffset = reached
      if (user.readUpTo !== undefined && user.readUpTo < reached) user.readUpTo = reached
    } else {
      setMark(user, peer, reached, newestOffset)
      advance(user)
      ofPeer = stateOf(user, peer)
    }
    isUnfinished = reached < target
    // Only the last step emits the event, for all steps.
    if (!isUnfinished) reportRead(user, ofPeer)
    store(user)
  }
  const { unread, readOffset } = ofPeer ?? user
  return reply(1, isUnfinished ? 1 : 0, unread, readOffset, ...inboxReply(user))
}
