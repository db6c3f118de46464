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
  senderDeletions,
  isNew,
  isMissing,
]) => {
  awaitEpochs()
  const { keys, userId } = script
  const rules = rulesOf(words)
  const { retention } = rules

  const user = loadInbox()
  /** The sender whose own copy this script makes. */
  const copier = senderPrefix === '' ? undefined : loadInbox(keysOf(senderPrefix, from), from)
  const sender = from === userId ? user : copier
  const isAway = from !== '' && sender === undefined
  const fromDeletions = isAway ? (tonumber(senderDeletions) ?? 0) : (sender?.deletions ?? 0)
  const toDeletions = user.deletions
  const isWhole = isAway || profile === ''
  const start = head + (profile === '' ? (sender?.sender ?? 'null') : profile) + middle
  const ownEpoch = sender === undefined ? 0 : epochOf(sender)
  const epoch = epochOf(user)

  const earlier = redis.call('GET', keys.id)
  if (earlier !== false) {
    const [same, at, ownAt, sentAt = '', deletions, others] = string.match(
      earlier,
      '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d+)$',
    )
    // If the recipient or the sender was deleted since, the id counts as new.
    if (tonumber(deletions) === toDeletions && tonumber(others) === fromDeletions) {
      if (same !== digest) return reply('conflict')
      const offset = tonumber(at) ?? 0
      const ownOffset = tonumber(ownAt) ?? 0
      // After a failover the sender's server may lack the own copy, so the caller makes it again, from the message that is stored here. If
      // retention has deleted this message, its JSON is made from the arguments.
      // A transfer from a cluster may have brought a message whose own copy was lost there.
      const mayLackOwn = isAway || (copier !== undefined && ownOffset === 0)
      const stored = mayLackOwn ? entries(user, offset, offset, 1)[0]?.json : undefined
      const json = stored ?? (isWhole || mayLackOwn ? `${start}${sentAt}}` : '')
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

  const { now } = script
  const sentAt = whole(now)
  const json = `${start}${sentAt}}`
  const size = sizeOf(json)
  expire(user, retention)
  if (copier !== undefined) expire(copier, retention)

  // The messages that this message pushes out of the recipient's inbox.
  let old = pushedOut(user, size, retention)
  if (old.length > 0 && isCrowded(user, from, old, rules)) return end(user, copier, 'refused')

  const hasNoInbox = copier === undefined ? isAway && isNew === '1' : copier.newest === 0
  const newInboxes = (user.newest === 0 ? 1 : 0) + (hasNoInbox ? 1 : 0)
  const allBytes = isAway || copier !== undefined ? 2 * size : size
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
  const isUnknown = sender === undefined ? isAway && isMissing === '1' : sender.createdAt === undefined
  if (isUnknown) return end(user, copier, 'unknown-sender')

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
  const found = `${digest} ${offsets} ${sentAt} ${whole(toDeletions)} ${whole(fromDeletions)}`
  redis.call('SET', keys.id, found, 'PX', rules.window)
  if (isAway) {
    const note = textOf([now, tonumber(rules.window), fromDeletions, toDeletions, json])
    redis.call('HSET', keys.ownCopies, script.hashed, `${script.appId}\0${note}`)
  }

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
