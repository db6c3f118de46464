import type { RestoreArgs } from '../../calls/messages.js'
import type { Texts } from '../../calls/values.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { keysOf } from '../context/key-names.js'
import { whole } from '../context/text.js'
import { deletionsIn, epochOf, readGeneration } from '../state/history.js'
import { loadInbox, store, type User } from '../users/user.js'
import { entries } from './entries.js'
import { append, emitMessage, receive, reportMessage, sizeOf } from './inbox.js'
import { hold } from './retention.js'
import { rulesOf, type Rules } from './rules.js'

type Args = Texts<RestoreArgs>

/** Returns the sender whose own copy is made, too. */
const copierOf = ([, , , from, , , , , senderPrefix, ownEpoch]: Args): User | undefined => {
  if (senderPrefix === '') return undefined
  const sender = loadInbox(keysOf(senderPrefix, from), from)
  return sender.deletions === deletionsIn(tonumber(ownEpoch)) ? sender : undefined
}

/** Puts a message into the inbox of its recipient, and the own copy into the sender's inbox. Returns the value of the key `id`. */
const receiveAgain = (
  user: User,
  copier: User | undefined,
  rules: Rules,
  [, , json, from, to, , traceparent, record]: Args,
): string => {
  hold(user, from, sizeOf(json))
  const offset = receive(user, json, from, rules, undefined, traceparent)
  let own = from === to ? offset : 0
  if (copier !== undefined) {
    own = append(copier, json, from, to, rules.retention)
    emitMessage(copier, own, json)
    store(copier)
  }
  reportMessage(user, offset, json, traceparent)
  emitMessage(user, offset, json)
  const [digest = '', others = ''] = string.match(record, '^(%S+) %d+ %d+(.*)$')
  return `${digest} ${whole(offset)} ${whole(own)}${others}`
}

/** Puts an own copy into the inbox of its sender. Returns the value of the key `own`. */
const copyAgain = (user: User, { retention }: Rules, [, , json, from, to]: Args): string => {
  const offset = append(user, json, from, to, retention)
  emitMessage(user, offset, json)
  return whole(offset)
}

/** Does what `restoreMessage` does, and returns what it returns. */
const restore = (args: Args): 0 | 1 => {
  const [epochText, offsetText, json, from, to, words, , , , , ownOffset] = args
  const { id: key } = script.keys
  const epoch = tonumber(epochText)
  const offset = tonumber(offsetText)
  const rules = rulesOf(words)
  readGeneration()
  const user = loadInbox()
  const isOwnCopy = from === user.id && to !== from
  const present = epochOf(user)
  // The user was deleted since, or retention has deleted the message.
  if (user.deletions !== deletionsIn(epoch) || offset < user.first) return 1
  const stored = offset <= user.newest ? entries(user, offset, offset, 1)[0] : undefined
  if (stored?.json === json) return 1
  const isSame = present === epoch
  // Somebody has sent it again.
  if (!isSame && redis.call('EXISTS', key) === 1) return 1
  const copier = copierOf(args)
  const isElsewhere =
    offset !== user.newest + 1 || (copier !== undefined && tonumber(ownOffset) !== copier.newest + 1)
  if (present < epoch || (isSame && isElsewhere)) return 0
  if (user.createdAt === undefined && (isOwnCopy || !rules.createsRecipient)) return isSame ? 0 : 1
  const record = isOwnCopy ? copyAgain(user, rules, args) : receiveAgain(user, copier, rules, args)
  redis.call('SET', key, record, 'PX', rules.window)
  store(user)
  return 1
}

/**
 * Stores a message again that an earlier master had stored, and that this server perhaps lacks: a received one, or in a cluster an own copy.
 * In the epoch that the inbox had then, the message goes to its offset. In a later epoch it goes to the end of the inbox.
 */
export const restoreMessage: Script<'restoreMessage'> = (args) => reply(restore(args))
