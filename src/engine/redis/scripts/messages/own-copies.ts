import { script } from '../context/context.js'
import { reply, replyList } from '../context/counts.js'
import { numberArg, whole } from '../context/text.js'
import { awaitEpochs, epochOf } from '../state/history.js'
import { adoptionOf, load, store } from '../users/user.js'
import { append, emitMessage } from './inbox.js'

/** The arguments of `makeOwnCopy`. */
type OwnCopyArgs = readonly [
  /** The message as JSON, and its recipient. */
  json: string,
  to: string,
  /** How many inboxes of the sender were deleted before the message was sent; empty for a user who has adopted the sender. */
  fromDeletions: string,
  /** The milliseconds for which the key `own` is kept. */
  keptFor: string,
  /** The retention. */
  messages: string,
  bytes: string,
  /** For a user who has adopted the sender, when that user was created; else missing. */
  adopterCreatedAt?: string,
]

/**
 * Puts the sender's own copy of a message into the sender's inbox, if that inbox lacks it. In a cluster the recipient may be in another
 * partition. Takes `OwnCopyArgs`. Returns the own copy's offset, and the number of the inbox's epoch; 0 and 0 if there is no own copy; or
 * `adopted`, the user who has adopted the sender, and when that user was created.
 */
export const makeOwnCopy = (args: string[]): unknown[] => {
  awaitEpochs()
  const [json, to, fromDeletions, keptFor, messages, bytes, adopterCreatedAt] =
    args as readonly string[] as OwnCopyArgs
  const { keys, userId } = script
  const earlier = tonumber(redis.call('GET', keys.own))
  const user = load(keys.user)
  if (earlier !== undefined) return reply(earlier, epochOf(user))
  if (user.createdAt === undefined) {
    if (user.adoption === undefined) return reply(0, 0)
    const [by, byCreatedAt] = adoptionOf(user.adoption)
    return reply('adopted', by, byCreatedAt)
  }
  const isSame = user.deletions === tonumber(fromDeletions) || user.createdAt === tonumber(adopterCreatedAt)
  // The sender was deleted since the message was sent.
  if (!isSame) return reply(0, 0)
  const retention = { messages: numberArg(messages), bytes: numberArg(bytes) }
  const offset = append(keys, user, userId, json, userId, to, retention)
  redis.call('SET', keys.own, whole(offset), 'PX', keptFor)
  emitMessage(user, userId, offset, json)
  store(user)
  return reply(offset, epochOf(user))
}

/**
 * Lists the own copies that have been pending for `age` milliseconds. Returns for each own copy its field in `ownCopies`, and the value of
 * this field: the app's id, NUL, and a `Note` of the class `OwnCopies` as JSON.
 */
export const pendingOwnCopies = ([age]: string[]): unknown[] => {
  const found: string[] = []
  const all = redis.call('HGETALL', script.keys.ownCopies)
  for (let n = 0; n < all.length; n += 2) {
    const value = all[n + 1] ?? ''
    const [note = ''] = string.match(value, '%z(.*)')
    // The caller reports a note that can't be read. The others are made all the same.
    const [isNote, decoded] = pcall(cjson.decode, note)
    const sentAt = isNote ? (tonumber((decoded as unknown[])[4]) ?? 0) : 0
    if (sentAt + numberArg(age) <= script.now) found.push(all[n] ?? '', value)
  }
  return replyList(found)
}
