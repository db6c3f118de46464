import { script } from '../context/context.js'
import { reply, replyList, type Script } from '../context/counts.js'
import { whole } from '../context/text.js'
import { awaitEpochs, epochOf } from '../state/history.js'
import { adoptionOf, load, store } from '../users/user.js'
import { append, emitMessage } from './inbox.js'

/**
 * Puts the sender's own copy of a message into the sender's inbox, if that inbox lacks it. In a cluster the recipient may be in another
 * partition.
 */
export const makeOwnCopy: Script<'makeOwnCopy'> = ([
  json,
  to,
  fromDeletions,
  keptFor,
  messages,
  bytes,
  adopterCreatedAt,
]) => {
  awaitEpochs()
  const { keys } = script
  const earlier = tonumber(redis.call('GET', keys.own))
  const user = load()
  if (earlier !== undefined) return reply('copied', earlier, epochOf(user))
  if (user.createdAt === undefined) {
    if (user.adoption === undefined) return reply('copied', 0, 0)
    const [by, byCreatedAt] = adoptionOf(user.adoption)
    return reply('adopted', by, byCreatedAt)
  }
  const isSame = user.deletions === tonumber(fromDeletions) || user.createdAt === tonumber(adopterCreatedAt)
  // The sender was deleted since the message was sent.
  if (!isSame) return reply('copied', 0, 0)
  const retention = { messages: tonumber(messages), bytes: tonumber(bytes) }
  const offset = append(user, json, user.id, to, retention)
  redis.call('SET', keys.own, whole(offset), 'PX', keptFor)
  emitMessage(user, offset, json)
  store(user)
  return reply('copied', offset, epochOf(user))
}

/** Lists the own copies that have been pending for `age` milliseconds. */
export const pendingOwnCopies: Script<'pendingOwnCopies'> = ([age]) => {
  const found: string[] = []
  const all = redis.call('HGETALL', script.keys.ownCopies)
  for (let n = 1; n < all.length; n += 2) {
    const note = all[n] ?? ''
    // The caller reports a note that can't be read.
    const sentAt = tonumber(string.match(note, '%z%[(%d+),')[0]) ?? 0
    if (sentAt + tonumber(age) <= script.now) found.push(note)
  }
  return replyList(found)
}
