import type { RestoreArgs } from '../../calls/messages.js'
import type { Texts } from '../../calls/values.js'
import { script, type KeyNames } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { keysOf } from '../context/key-names.js'
import { whole } from '../context/text.js'
import { deletionsIn, epochOf, readGeneration } from '../state/history.js'
import { loadInbox, store, type User } from '../users/user.js'
import { announce } from '../webhooks/events.js'
import { entries } from './entries.js'
import { append, emitMessage, receive, reportMessage, sizeOf } from './inbox.js'
import { hold } from './retention.js'
import { rulesOf, type Rules } from './rules.js'

type Args = Texts<RestoreArgs>

/** A sender whose own copy is made, too. */
interface Copier {
  readonly keys: KeyNames
  readonly user: User
}

const copierOf = ([, , , from, , , , , , senderPrefix, ownEpoch]: Args): Copier | undefined => {
  if (senderPrefix === '') return undefined
  const keys = keysOf(senderPrefix, from)
  const user = loadInbox(keys.user)
  return user.deletions === deletionsIn(tonumber(ownEpoch) ?? 0) ? { keys, user } : undefined
}

/** Puts a message into the inbox of its recipient, and the own copy into the sender's inbox. Returns the value of the key `id`. */
const receiveAgain = (
  user: User,
  copier: Copier | undefined,
  rules: Rules,
  [, , json, from, to, , traceparent, record]: Args,
): string => {
  hold(from, script.userId, sizeOf(json))
  const offset = receive(user, json, from, rules, undefined, traceparent)
  let own = from === to ? offset : 0
  if (copier !== undefined) {
    own = append(copier.keys, copier.user, from, json, from, to, rules.retention)
    emitMessage(copier.user, from, own, json)
    store(copier.user)
  }
  reportMessage(user, offset, json, traceparent)
  emitMessage(user, script.userId, offset, json)
  const [digest = '', others = ''] = string.match(record, '^(%S+) %d+ %d+(.*)$')
  return `${digest} ${whole(offset)} ${whole(own)}${others}`
}

/** Puts an own copy into the inbox of its sender. Returns the value of the key `own`. */
const copyAgain = (user: User, { retention }: Rules, [, , json, from, to]: Args): string => {
  const offset = append(script.keys, user, script.userId, json, from, to, retention)
  emitMessage(user, script.userId, offset, json)
  return whole(offset)
}

/** Does what `restoreMessage` and `restoreOwnCopy` do. `key` is the key `id` or `own`. Returns what these two return. */
const restore = (args: Args, key: string, isOwnCopy: boolean): 0 | 1 => {
  const [epochText, offsetText, json, , , words, , , keptFor, , , ownOffset] = args
  const { keys } = script
  const epoch = tonumber(epochText)
  const offset = tonumber(offsetText)
  const rules = rulesOf(words)
  readGeneration()
  const user = loadInbox(keys.user)
  const present = epochOf(user)
  // The user was deleted since, or retention has deleted the message.
  if (user.deletions !== deletionsIn(epoch) || offset < user.first) return 1
  const stored = offset <= user.newest ? entries(keys, offset, offset, 1)[0] : undefined
  if (stored?.json === json) return 1
  const isSame = present === epoch
  // Somebody has sent it again.
  if (!isSame && redis.call('EXISTS', key) === 1) return 1
  const copier = copierOf(args)
  const isElsewhere =
    offset !== user.newest + 1 || (copier !== undefined && tonumber(ownOffset) !== copier.user.newest + 1)
  if (present < epoch || (isSame && isElsewhere)) return 0
  if (user.createdAt === undefined && (isOwnCopy || !rules.createsRecipient)) return isSame ? 0 : 1
  const record = isOwnCopy ? copyAgain(user, rules, args) : receiveAgain(user, copier, rules, args)
  redis.call('SET', key, record, 'PX', keptFor)
  store(user)
  announce()
  return 1
}

/**
 * Stores a message again that an earlier master had stored, and that this server perhaps lacks. In the epoch that the inbox had then, the
 * message goes to its offset. In a later epoch it goes to the end of the inbox.
 */
export const restoreMessage: Script<'restoreMessage'> = (args) => reply(restore(args, script.keys.id, false))

/** Does what `restoreMessage` does, for the own copy of a message whose sender may be on another server than the recipient. */
export const restoreOwnCopy: Script<'restoreOwnCopy'> = (args) => reply(restore(args, script.keys.own, true))
