import { peerReadOffset } from '../../../decide/messages/peer-marks.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { whole } from '../context/text.js'
import { awaitEpochs, epochOf } from '../state/history.js'
import { load, store, type User } from '../users/user.js'
import { announce } from '../webhooks/events.js'
import { visitEntries } from './entries.js'
import { reportRead, type ReadPeer } from './inbox.js'
import { firstUnread, forgetCounts, forgetUnread, isUnread, markOf, setMark, unreadOf } from './unread.js'

/** Returns how many messages of a peer are unread, and up to which offset the others are read. */
const stateOf = (user: User, id: string): ReadPeer => {
  const { keys } = script
  const unread = unreadOf(keys, id)
  return { id, unread, readOffset: peerReadOffset(user, markOf(keys, user, id), user.first) }
}

/**
 * Returns the offset of the newest message with the peer; 0 if there is none. `newest` is that among the messages up to the offset `known`;
 * 0 if there is none.
 */
const newestWith = (user: User, peer: string, known: number, newest: number): number => {
  let found = newest
  if (known < user.newest) {
    const later = redis.call('LRANGE', script.keys.peerLog, whole(known - user.newest), '-1')
    // The list may be shorter than asked for, because retention may have trimmed it meanwhile. The last item is about the newest offset.
    for (let n = 0; n < later.length; n++)
      if (string.sub(later[n] ?? '', 2) === peer) found = user.newest - later.length + 1 + n
  }
  return found >= user.first ? found : 0
}

/**
 * Counts the peer's messages up to `target` as read, or as many of these as one step can. Returns the last offset that it has reached.
 */
const readUpTo = (user: User, { id, unread, readOffset }: ReadPeer, target: number): number => {
  const { keys } = script
  if (target === user.newest) {
    user.unread = Math.max(user.unread - unread, 0)
    forgetCounts(keys, id)
    return target
  }
  if (unread <= 0) return target
  const from = Math.max(firstUnread(user), readOffset + 1)
  return visitEntries(keys, from, target, (entry) => {
    if (entry.peer === id && isUnread(keys, user, entry)) forgetUnread(keys, user, entry)
    return false
  })
}

/** Moves `readUpTo` to just before the next unread message, or past as many messages as one step reads. */
const advance = (user: User): void => {
  const { keys } = script
  user.readUpTo ??= user.readOffset
  if (user.unread === 0) {
    user.readUpTo = user.newest
    return
  }
  const from = firstUnread(user)
  const reached = visitEntries(keys, from, user.newest, (entry) => isUnread(keys, user, entry))
  if (reached >= from) user.readUpTo = reached
}

/**
 * Marks the messages of a peer up to an offset as read, or as many of these as one step can. A user with whom the inbox has no messages
 * gets no mark.
 */
export const readPeer: Script<'readPeer'> = ([epoch, offset, peer, known, newest]) => {
  awaitEpochs()
  const { keys } = script
  const user = load(keys.user)
  if (tonumber(epoch) !== epochOf(user)) return reply(0)
  const target = Math.min(tonumber(offset), user.newest)
  const newestOffset = newestWith(user, peer, tonumber(known), tonumber(newest))
  let isUnfinished = false
  let state = stateOf(user, peer)
  if (target > state.readOffset && newestOffset > 0) {
    const reached = Math.min(target, readUpTo(user, state, target))
    isUnfinished = reached < target
    setMark(keys, peer, reached, newestOffset)
    advance(user)
    state = stateOf(user, peer)
    // Only the last step emits the event, for all steps.
    if (!isUnfinished) reportRead(user, state)
    store(user)
    announce()
  }
  const { unread, readOffset } = state
  const rest = isUnfinished ? 1 : 0
  return reply(1, epochOf(user), user.newest, user.readOffset, user.unread, rest, unread, readOffset)
}
