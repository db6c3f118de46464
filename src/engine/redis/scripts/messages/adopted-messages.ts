import { fitting } from '../../../decide/adoption/adoption.js'
import type { AdoptedMessage, MovedMessage } from '../../calls/messages.js'
import type { Texts } from '../../calls/values.js'
import { script } from '../context/context.js'
import { reply, replyList, type Script } from '../context/counts.js'
import { json as textOf } from '../context/text.js'
import { awaitEpochs } from '../state/history.js'
import { deleteInbox } from '../users/deletion.js'
import { adoptionOf, clear, load, schedule, set, store, type User } from '../users/user.js'
import { addEvent, announce } from '../webhooks/events.js'
import { entries } from './entries.js'
import { append, emitMessage, emitRead, sizeOf, unreadCheckAfter } from './inbox.js'
import { drop, expire, hold, MAX_DROPPED, trim } from './retention.js'
import { markOf } from './unread.js'
import { peerReadOffset } from '../../../decide/messages/peer-marks.js'

/** Milliseconds after which the sweep continues to move the messages of an adopted guest. */
export const MOVE_RETRY = 5000
/** The milliseconds for which the key `adopted` is kept at least. */
const KEPT_AT_LEAST = 3_600_000
/** An offset beyond all messages. */
const EVERYTHING = 2 ** 53
/** With this retention a moved message pushes no other message out. */
const NO_LIMIT = { messages: Infinity, bytes: Infinity }

/** Reads the oldest messages of an adopted guest that have not been moved to the user yet. */
export const readAdopted: Script<'readAdopted'> = ([limit]) => {
  const { keys } = script
  const user = load(keys.user)
  if (user.moveDueAt === undefined || user.adoption === undefined) return reply(0)
  const [by, byCreatedAt, , messages] = adoptionOf(user.adoption)
  const found: AdoptedMessage[] = []
  for (const { offset, json, size, at, peer } of entries(keys, user.first, user.newest, tonumber(limit))) {
    const isRead = offset <= peerReadOffset(user, markOf(keys, user, peer), user.first)
    found.push([offset, json, size, at, isRead ? 1 : 0])
  }
  return replyList(found, 1, by, byCreatedAt, messages, user.newest - user.first + 1, user.bytes)
}

const ARGS_PER_MESSAGE: MovedMessage['length'] = 7

/** A message of the guest. */
interface Moved {
  /** The offset in the guest's inbox, and the bytes that the message takes there. */
  readonly offset: number
  readonly size: number
  readonly json: string
  /** When the message was stored. */
  readonly at: number
  readonly isRead: boolean
  readonly from: string
  readonly to: string
}

const messagesIn = (args: readonly string[]): Moved[] => {
  const moved: Moved[] = []
  for (let n = 0; n < args.length; n += ARGS_PER_MESSAGE) {
    const [offset, json, size, at, isRead, from, to] = unpack<[...Texts<MovedMessage>]>(
      args,
      n + 1,
      n + ARGS_PER_MESSAGE,
    )
    moved.push({
      offset: tonumber(offset),
      json,
      size: tonumber(size),
      at: tonumber(at),
      isRead: isRead === '1',
      from,
      to,
    })
  }
  return moved
}

/** Appends a message of the guest to the user's inbox. */
const appendMoved = (user: User, { json, isRead, from, to }: Moved): void => {
  const { keys, userId } = script
  const checkAt = isRead ? undefined : unreadCheckAfter(user, from)
  const offset = append(keys, user, userId, json, from, to, NO_LIMIT, isRead)
  if (checkAt !== undefined) {
    set(user, 'unreadCheckAt', checkAt)
    set(user, 'unreadCheckOffset', offset)
  }
  hold(from, userId, sizeOf(json))
  emitMessage(user, userId, offset, json)
}

/**
 * Appends messages of an adopted guest to the user's inbox. Leaves out older messages of the guest that do not fit into the retention
 * beside those of the user.
 */
export const appendAdopted: Script<'appendAdopted'> = ([
  guest,
  createdAt,
  messages,
  leftText,
  leftBytes,
  growth,
  maxMessages,
  maxBytes,
  age,
  ...moved
]) => {
  awaitEpochs()
  const { keys, userId, now } = script
  const retention = { messages: tonumber(maxMessages), bytes: tonumber(maxBytes), age: tonumber(age) }
  const user = load(keys.user)
  if (user.createdAt !== tonumber(createdAt)) return reply(0)
  // The key `adopted` has the offset, in the guest's inbox, of the last message that an earlier run has appended or left out.
  const earlier = tonumber(redis.call('GET', keys.adopted))
  if (earlier === undefined)
    addEvent(user, 'guest.adopted', `"guest":${textOf(guest)},"messages":${messages}`)
  let taken = leftText === '' ? EVERYTHING : (earlier ?? 0)
  expire(keys, user, userId, retention)
  trim(keys, user, userId, retention)

  const found: Moved[] = []
  const left = { messages: tonumber(leftText) ?? 0, bytes: tonumber(leftBytes) }
  for (const each of messagesIn(moved))
    if (each.offset > taken) {
      found.push(each)
    } else {
      left.messages -= 1
      left.bytes -= each.size
    }
  const kept = { messages: user.newest - user.first + 1, bytes: user.bytes }
  let hasRead = false
  for (const each of fitting(found, kept, left, tonumber(growth), retention, now)) {
    appendMoved(user, each)
    hasRead = hasRead || each.isRead
  }
  taken = found[found.length - 1]?.offset ?? taken
  // Clients count each new message as unread, even one that the guest had read. So this event tells them the right number.
  if (hasRead) emitRead(user)
  // If the caller crashes before it lets the key expire, the key expires after `retention.age`. By then each message of the guest has
  // expired, too.
  const keptFor = Math.max(retention.age, KEPT_AT_LEAST)
  const record = string.format('%.0f', taken)
  if (keptFor < Infinity)
    redis.call('SET', keys.adopted, record, 'PX', string.format('%.0f', Math.ceil(keptFor)))
  else redis.call('SET', keys.adopted, record, 'KEEPTTL')
  schedule(user)
  store(user)
  announce()
  return reply(1)
}

/**
 * Deletes messages of an adopted guest that `appendAdopted` has appended to the user's inbox or left out. With the last message it deletes
 * the guest's inbox.
 */
export const dropAdopted: Script<'dropAdopted'> = ([last]) => {
  const { keys, userId, now } = script
  const user = load(keys.user)
  if (user.moveDueAt === undefined) return reply(0)
  const to = Math.min(tonumber(last) ?? user.newest, user.newest)
  const old = entries(keys, user.first, to, MAX_DROPPED)
  drop(keys, user, userId, old)
  // After a failover the guest's inbox may lack messages up to `to`. Then `drop` does not advance `first` far enough.
  if (old.length < MAX_DROPPED && to >= user.first) user.first = to + 1
  const isLast = user.first > user.newest
  if (isLast) {
    deleteInbox(user, true)
    clear(user, 'moveDueAt')
  } else {
    set(user, 'moveDueAt', now + MOVE_RETRY)
  }
  schedule(user)
  store(user)
  return reply(isLast ? 0 : 1)
}
