import { dueAfterMessage } from '../../../decide/push/push-due.js'
import { engineRules } from '../../../rules.js'
import { ENTRY } from '../../fields.js'
import type { WireEvent } from '../../wire-event.js'
import { script } from '../context/context.js'
import { count } from '../context/counts.js'
import { json, whole } from '../context/text.js'
import { epochOf } from '../state/history.js'
import { emit } from '../state/publish.js'
import { createUser } from '../users/lifetime.js'
import { loadRest, schedule, set, type User } from '../users/user.js'
import { addEvent, epochBase, isAsked, unreadAfter } from '../webhooks/events.js'
import type { Entry } from './entries.js'
import { drop, pushedOut, type Amount } from './retention.js'
import type { Rules } from './rules.js'
import { countUnread } from './unread.js'

/*
 * How a message comes into an inbox. The list `peerLog` has the kind and the peer of each message, as `ENTRY.about` has them, so that a
 * script that looks for peers reads no messages. The list's last item is about the newest offset, the item before it about the offset
 * before, and so on. Messages from a transfer may have gaps between their offsets, so their items begin with the offset and a space.
 */

/** A message with more bytes is published without its JSON. */
const MAX_PUBLISHED = 2048

const { message: MESSAGE, about: ABOUT, trace: TRACE } = ENTRY

/** Returns the bytes that a message takes. */
export const sizeOf = (message: string): number => message.length + engineRules.messageOverhead

/**
 * Stores a message, and deletes the messages that it pushes out: those in `old`, if the caller has read them already. With `isRead` the
 * stored message counts as read. `trace` is the entry's field of that name. Returns the message's offset.
 */
export const append = (
  user: User,
  message: string,
  from: string,
  to: string,
  retention: Amount,
  isRead = false,
  old?: readonly Entry[],
  trace?: string,
): number => {
  const { id, keys } = user
  const size = sizeOf(message)
  drop(user, old ?? pushedOut(user, size, retention))
  const offset = user.newest + 1
  const storedAt = whole(script.now)
  const item = from === id ? `s${to}` : isRead ? `x${from}` : `r${from}`
  const about = `${storedAt} ${item}`
  if (trace === undefined) redis.call('XADD', keys.inbox, whole(offset), MESSAGE, message, ABOUT, about)
  else redis.call('XADD', keys.inbox, whole(offset), MESSAGE, message, ABOUT, about, TRACE, trace)
  redis.call('RPUSH', keys.peerLog, item)
  if (user.newest === 0) count('inboxes', 1)
  if (user.first > user.newest) {
    user.oldestAt = script.now
    redis.call('ZADD', keys.aging, storedAt, id)
  }
  user.newest = offset
  user.bytes += size
  count('bytes', size)
  if (from !== id && !isRead) countUnread(user, from, size)
  return offset
}

/** Returns when the sweep looks for unread messages after a message of `from`, if this message begins a streak of unread messages. */
export const unreadCheckAfter = (user: User, from: string): number | undefined => {
  const after = unreadAfter()
  return after !== undefined && user.unread === 0 && from !== user.id && isAsked('message.unread')
    ? Math.ceil(script.now + after)
    : undefined
}

/**
 * Puts a message of `from` into the inbox of this script's user, who is created if need be, and sets when the sweep looks whether the
 * message is unread, and when it is pushed. `old` is that of `append`. `trace` is the entry's field of that name, or empty. Returns the
 * message's offset.
 */
export const receive = (
  user: User,
  message: string,
  from: string,
  rules: Rules,
  old: readonly Entry[] | undefined,
  trace: string,
): number => {
  const { now } = script
  if (user.createdAt === undefined) {
    createUser(user)
    addEvent(user, 'user.created', `"user":{"id":${json(user.id)}},"guest":false`)
  }
  const checkAt = unreadCheckAfter(user, from)
  const pushAfter = user.deviceCount !== undefined && from !== user.id ? rules.pushAfter : undefined
  const kept = pushAfter === undefined || trace === '' ? undefined : trace
  const offset = append(user, message, from, user.id, rules.retention, false, old, kept)
  if (checkAt === undefined && pushAfter === undefined) return offset
  loadRest(user)
  if (checkAt !== undefined) {
    set(user, 'unreadCheckAt', checkAt)
    set(user, 'unreadCheckOffset', offset)
  }
  if (pushAfter !== undefined) set(user, 'pushDueAt', dueAfterMessage(user.pushDueAt ?? null, now, pushAfter))
  schedule(user)
  return offset
}

/** Returns a message with its offset, as JSON. */
export const messageOf = ({ offset, json }: Pick<Entry, 'offset' | 'json'>): string =>
  `{"offset":${whole(offset)},${string.sub(json, 2)}`

/**
 * Tells the nodes of a user that a message was stored. All but the calling node get a large message without its JSON, and read it from the
 * inbox.
 */
export const emitMessage = (user: User, offset: number, message: string): void => {
  if (user.nodes === undefined) return
  const { appId } = script
  const epoch = epochOf(user)
  const event: WireEvent = { type: 'message', appId, userId: user.id, epoch, offset, json: message }
  if (message.length <= MAX_PUBLISHED) emit(user.nodes, event)
  else emit(user.nodes, event, { type: 'message', appId, userId: user.id, epoch, offset })
}

/** Returns the epoch of the inbox as webhook events have it: as JSON. */
export const epochText = (user: User): string => json(epochBase() + whole(epochOf(user)))

/** Adds the event `message.created`. */
export const reportMessage = (user: User, offset: number, message: string, traceparent: string): void => {
  if (!isAsked('message.created')) return
  const data = `"epoch":${epochText(user)},"message":${messageOf({ offset, json: message })}${traceparent}`
  addEvent(user, 'message.created', data)
}

/** A peer whose mark was set. */
export interface ReadPeer {
  /** Empty for the backend. */
  readonly id: string
  readonly unread: number
  readonly readOffset: number
}

/** Tells the nodes of the user that the inbox's mark was set, or the mark of a peer. */
export const emitRead = (user: User, peer?: ReadPeer): void => {
  const { appId, userId } = script
  const { newest: offset, readOffset, unread } = user
  const event: WireEvent = { type: 'read', appId, userId, epoch: epochOf(user), offset, readOffset, unread }
  if (peer !== undefined) event.peer = peer
  emit(user.nodes, event)
}

/** Does what `emitRead` does, and adds the event `message.read`. */
export const reportRead = (user: User, peer?: ReadPeer): void => {
  emitRead(user, peer)
  if (!isAsked('message.read')) return
  let data = `"epoch":${epochText(user)},"readOffset":${whole(user.readOffset)},"unread":${whole(user.unread)}`
  if (peer !== undefined) {
    const id = peer.id === '' ? 'null' : json(peer.id)
    data += `,"with":${id},"unreadWith":${whole(peer.unread)},"readOffsetWith":${whole(peer.readOffset)}`
  }
  addEvent(user, 'message.read', data)
}
