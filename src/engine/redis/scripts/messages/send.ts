import { retryOutcome } from '../../../decide/messages/retry.js'
import { exceedsBytes } from '../../../decide/messages/share.js'
import { USER } from '../../fields.js'
import type { SendReply } from '../../calls/send.js'
import { script } from '../context/context.js'
import { hasRoom, reply, type Script } from '../context/counts.js'
import { keysOf } from '../context/key-names.js'
import { json as textOf, whole } from '../context/text.js'
import { awaitEpochs, epochOf } from '../state/history.js'
import { adoptionOf, loadInbox, store, type User } from '../users/user.js'
import { entries } from './entries.js'
import { append, emitMessage, receive, reportMessage, sizeOf } from './inbox.js'
import { takeMessage } from './rate.js'
import { exceeds, expire, hold, isCrowded, pushedOut, trim } from './retention.js'
import { rulesOf } from './rules.js'

/** What `send` reads of the sender. */
type Sender = Pick<User, 'deletions' | 'newest' | 'createdAt' | 'sender'>

/** Returns a sender who may be on another server, as `readSender` has returned it. */
const senderElsewhere = (deletions: string, isNew: string, isMissing: string): Sender => ({
  deletions: tonumber(deletions) ?? 0,
  newest: isNew === '1' ? 0 : 1,
  createdAt: isMissing === '1' ? undefined : 0,
})

/**
 * Returns the digest, the offsets and the time of the message that was sent before under the same id. `record` is the value of the key `id`.
 * If the recipient or the sender was deleted since, the id counts as new, and the digest is undefined.
 */
const sentBefore = (
  record: string,
  toDeletions: number,
  fromDeletions: number,
): LuaMultiReturn<[digest: string | undefined, offset: number, ownOffset: number, sentAt: string]> => {
  const [digest, at, ownAt, sentAt = '', deletions, others] = string.match(
    record,
    '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d+)$',
  )
  const isSame = tonumber(deletions) === toDeletions && tonumber(others) === fromDeletions
  return $multi(isSame ? digest : undefined, tonumber(at) ?? 0, tonumber(ownAt) ?? 0, sentAt)
}

/** Notes that an own copy is pending. If the caller does not make it, a sweep finds it. */
const notePending = (window: string, fromDeletions: number, toDeletions: number, json: string): void => {
  const note = textOf([script.now, tonumber(window), fromDeletions, toDeletions, json])
  redis.call('HSET', script.keys.ownCopies, script.hashed, `${script.appId}\0${note}`)
}

/** Writes what the script has changed of the recipient, and of the sender if the script makes the own copy. Returns the result. */
const end = <const R extends SendReply>(user: User, copier: User | undefined, ...result: R) => {
  if (copier !== undefined) store(copier)
  store(user)
  return reply(...result)
}

/**
 * Puts a message into the recipient's inbox, and the sender's own copy of it into the sender's inbox, unless the sender may be on another
 * server: then another step makes the own copy.
 */
export const send: Script<'send'> = ([
  from,
  senderPrefix,
  head,
  middle,
  digest,
  words,
  maxInboxes,
  maxBytes,
  perSecond,
  createdAt,
  maxHeld,
  traceparent,
  profile,
  senderDeletions = '',
  isNew = '',
  isMissing = '',
]) => {
  awaitEpochs()
  const { keys, userId, now } = script
  const rules = rulesOf(words)
  const { retention } = rules

  const user = loadInbox()
  /** The sender whose own copy this script makes. */
  const copier = senderPrefix === '' ? undefined : loadInbox(keysOf(senderPrefix, from), from)
  const own = from === userId ? user : copier
  const isAway = from !== '' && own === undefined
  const sender = isAway ? senderElsewhere(senderDeletions, isNew, isMissing) : own
  const fromDeletions = sender?.deletions ?? 0
  const isWhole = isAway || profile === ''
  const start = head + (profile === '' ? (sender?.sender ?? 'null') : profile) + middle
  const ownEpoch = own === undefined ? 0 : epochOf(own)
  const epoch = epochOf(user)

  const earlier = redis.call('GET', keys.id)
  if (earlier !== false) {
    const [same, offset, ownOffset, at] = sentBefore(earlier, user.deletions, fromDeletions)
    const outcome = same === undefined ? undefined : retryOutcome(same, digest)
    if (outcome === 'conflict') return reply(outcome)
    if (outcome !== undefined) {
      // After a failover the sender's server may lack the own copy, so the caller makes it again, from the message that is stored here. If
      // retention has deleted this message, its JSON is made from the arguments. A transfer from a cluster may have brought a message whose
      // own copy was lost there.
      const mayLackOwn = isAway || (copier !== undefined && ownOffset === 0)
      const stored = mayLackOwn ? entries(user, offset, offset, 1)[0]?.json : undefined
      const json = stored ?? (isWhole || mayLackOwn ? `${start}${at}}` : '')
      return reply('repeated', earlier, epoch, ownEpoch, json, 0, 0)
    }
  }
  const wait = takeMessage((copier ?? user).keys, tonumber(perSecond))
  if (wait > 0) return reply('limited', wait)
  const adoption = user.createdAt === undefined && redis.call('HGET', keys.user, USER.adoption)
  if (adoption !== false) {
    const [by, adopterCreatedAt] = adoptionOf(adoption)
    return reply('adopted', by, adopterCreatedAt)
  }
  if (rules.onlyFinds) return reply('not-sent')
  if (createdAt !== '' && user.createdAt !== tonumber(createdAt)) return reply('unknown-user')
  if (!rules.createsRecipient && user.createdAt === undefined) return reply('unknown-user')

  const sentAt = whole(now)
  const json = `${start}${sentAt}}`
  const size = sizeOf(json)
  expire(user, retention)
  if (copier !== undefined) expire(copier, retention)
  // The messages that this message pushes out of the recipient's inbox.
  let old = pushedOut(user, size, retention)
  if (old.length > 0 && isCrowded(user, from, old, rules)) return end(user, copier, 'refused')

  const hasCopy = sender !== undefined && sender !== user
  const newInboxes = (user.newest === 0 ? 1 : 0) + (hasCopy && sender.newest === 0 ? 1 : 0)
  const allBytes = hasCopy ? 2 * size : size
  const bytesLimit = tonumber(maxBytes)
  const inboxesLimit = tonumber(maxInboxes)
  if (!hasRoom(allBytes, bytesLimit, newInboxes, inboxesLimit)) {
    trim(user, retention)
    old = pushedOut(user, size, retention)
    if (copier !== undefined) trim(copier, retention)
    if (!hasRoom(allBytes, bytesLimit, newInboxes, inboxesLimit)) return end(user, copier, 'full')
  }

  // After `unknown-sender` the caller creates the sender, and sends the message again. This check comes after those for `refused` and
  // `full`, because a message with these results must not create its sender.
  if (sender !== undefined && sender.createdAt === undefined) return end(user, copier, 'unknown-sender')

  // The message's bytes are counted before it is stored, so that one command both adds them and returns the sum for the comparison.
  const held = hold(user, from, size)
  if (held !== undefined && exceedsBytes(held - size, size, tonumber(maxHeld), from, old)) {
    hold(user, from, -size)
    return end(user, copier, 'over-share')
  }

  const offset = receive(user, json, from, rules, old, traceparent)
  let ownOffset = from === userId ? offset : 0
  if (copier !== undefined) ownOffset = append(copier, json, from, userId, retention)
  const offsets = `${whole(offset)} ${whole(ownOffset)}`
  const found = `${digest} ${offsets} ${sentAt} ${whole(user.deletions)} ${whole(fromDeletions)}`
  redis.call('SET', keys.id, found, 'PX', rules.window)
  if (isAway) notePending(rules.window, fromDeletions, user.deletions, json)

  emitMessage(user, offset, json)
  if (copier !== undefined) emitMessage(copier, ownOffset, json)
  reportMessage(user, offset, json, traceparent)
  const isBeyond =
    exceeds(user, user.newest, user.bytes, retention) ||
    (copier !== undefined && exceeds(copier, copier.newest, copier.bytes, retention))
      ? 1
      : 0
  return end(user, copier, 'stored', found, epoch, ownEpoch, isWhole ? json : '', isBeyond, held ?? 0)
}

/**
 * Counts a message for its sender's rate, and reads the sender's profile. In a cluster the recipient may be in another partition, so `send`
 * can do neither.
 */
export const readSender: Script<'readSender'> = ([perSecond, id]) => {
  const { keys } = script
  const wait = takeMessage(keys, tonumber(perSecond), id)
  if (wait > 0) return reply(wait)
  const { sender, deletions, newest, createdAt } = loadInbox()
  return reply(0, sender ?? 'null', deletions, newest === 0 ? 1 : 0, createdAt === undefined ? 1 : 0)
}
