import { isResumedBy, keysAfter } from '../../../decide/sessions/session.js'
import { engineRules } from '../../../rules.js'
import { STATE } from '../../fields.js'
import type { SessionRow } from '../../sessions/session-row.js'
import { count, reply, type Script } from '../context/counts.js'
import { script } from '../context/context.js'
import { optional, whole } from '../context/text.js'
import { readAfter } from '../messages/entries.js'
import { awaitEpochs, epochOf, historyNumber } from '../state/history.js'
import { load, set, type User } from '../users/user.js'
import { addEvent, isAsked } from '../webhooks/events.js'
import { addPresenceEvent } from './presence.js'
import { buriedStarts, bury, find, presence, put, sessions, type LoadedRow } from './rows.js'
import {
  detach,
  endDueSessions,
  endSession,
  factsOf,
  finish,
  isRevoked,
  makeRoom,
  nextNumber,
  releaseToken,
  reportEnd,
  reportReplaced,
} from './sessions.js'

/** Resumes the session `old`. Returns the session's new row, and its JSON. */
const resume = (
  old: LoadedRow,
  resumes: string,
  isHidden: boolean,
  known: string,
): [row: LoadedRow, text: string] => {
  releaseToken(old.credential, old.tokenUse)
  reportReplaced(old)
  // The row has no field of a detachment, and no `offline`.
  const row = cjson.decode(`{${known}`) as LoadedRow
  row.id = old.id
  row.lastSeenAt = script.now
  row.starts = old.starts + 1
  row.number = old.number
  row.startedAt = old.startedAt
  row.guest = old.guest
  row.hiddenSince = isHidden ? (old.hiddenSince ?? nextNumber()) : undefined
  row.previousKeyHash = keysAfter(old, resumes, row.keyHash).previousKeyHash ?? undefined
  return [row, put(row)]
}

/** Starts a session. Returns its row, and the row's JSON. */
const begin = (id: string, isHidden: boolean, known: string): [row: LoadedRow, text: string] => {
  const { now, self, keys, userId } = script
  const number = whole(nextNumber())
  const at = whole(now)
  const hidden = isHidden ? `"hiddenSince":${whole(nextNumber())},` : ''
  const text = `{"number":${number},"startedAt":${at},"lastSeenAt":${at},"starts":1,${hidden}${known}`
  // If no webhook asks for `session.started`, the script needs only two fields of the row, so it does not decode the JSON.
  const row = (
    isAsked('session.started') ? cjson.decode(text) : { nodeId: self, lastSeenAt: now }
  ) as LoadedRow
  row.id = id
  put(row, text)
  redis.call('ZADD', keys.live, number, `${id}\0${userId}`)
  count('sessions', 1)
  return [row, text]
}

/** Returns 1 if messages after a position are gone; 0 if none are, or there is no position. */
const isLostAfter = (user: User, epoch: number | undefined, offset: number | undefined): 0 | 1 => {
  if (epoch === undefined) return 0
  const [, isLost] = readAfter(user, epoch, offset ?? 0, 1)
  return isLost ? 1 : 0
}

/** Starts or resumes a session, unless its credential is revoked. */
export const startSession: Script<'startSession'> = ([
  id,
  connectionId,
  resumes,
  limit,
  hidden,
  guest,
  token,
  issuedAt,
  createdAt,
  known,
  epoch,
  offset,
]) => {
  awaitEpochs()
  const user = load()
  const isGone = createdAt !== '' && user.createdAt !== tonumber(createdAt)
  if (
    isRevoked(user, tonumber(issuedAt), optional(token)) ||
    isGone ||
    redis.call('HEXISTS', script.keys.tombs, connectionId) === 1
  ) {
    const { credential, tokenUse } = cjson.decode(`{${known}`) as SessionRow
    releaseToken(credential, tokenUse)
    return reply(0)
  }
  endDueSessions(user)
  sessions()
  const [wasOnline, total] = presence(user)
  const old = resumes === '' ? undefined : find((row) => isResumedBy(row, resumes))
  const isNew = old === undefined
  const max = tonumber(limit)
  const replaced = isNew && total >= max ? makeRoom(user, max) : []
  const [row, text] = isNew ? begin(id, hidden === '1', known) : resume(old, resumes, hidden === '1', known)
  if (guest === '1') set(user, 'keptUntil', undefined)
  for (const each of replaced) {
    reportEnd(user, each, 'too-many-sessions', true)
    bury(each.id, engineRules.startTimeout)
  }
  if (isNew && isAsked('session.started')) addEvent(user, 'session.started', factsOf(row))
  if (!wasOnline) addPresenceEvent(user, false)
  finish(user)
  return reply(
    1,
    isNew ? 0 : 1,
    row.id,
    text,
    historyNumber(),
    isLostAfter(user, tonumber(epoch), tonumber(offset)),
    // A list of these costs a start 1 %.
    epochOf(user),
    user.newest,
    user.readOffset,
    user.unread,
  )
}

/**
 * Undoes a session's start whose reply was lost: the gateway has refused the connection. If the start comes to Redis after this call, the
 * start is refused.
 */
export const abandonSession: Script<'abandonSession'> = ([connectionId, newId, resumableFor]) => {
  bury(connectionId, engineRules.startTimeout)
  const user = load()
  endDueSessions(user)
  const row = find((each) => each.connectionId === connectionId)
  if (row?.id === newId) {
    // Nobody can resume the new session, because the client has not received its resume key.
    endSession(user, row, 'ended')
  } else if (row !== undefined) {
    row.lastSeenAt = script.now
    detach(row, tonumber(resumableFor))
  }
  finish(user)
  return reply(row === undefined ? 0 : 1)
}

/**
 * Returns whether the server has lost a start, so that it is made again. `row` is as the start has stored it, and the server has no row of
 * the session.
 */
const hasLost = (row: LoadedRow): boolean => {
  // The server has every write from before `wholeUntil`. If it lacks the row of a start from before then, the session has ended since.
  const wholeUntil = tonumber(redis.call('HGET', script.keys.state, STATE.wholeUntil)) ?? 0
  if (row.lastSeenAt - script.shift < wholeUntil) return false
  // Another node has ended the session.
  return (buriedStarts(row.id) ?? 0) < row.starts
}

/**
 * Makes a session's start again: an earlier master has acknowledged the start, and perhaps this server lacks it. If the session has
 * ended since, the script makes no new row, but replaces the row of an earlier start, so that `endSession`, which runs next, finds the
 * connection of this start.
 */
export const restoreSession: Script<'restoreSession'> = ([id, json, ended]) => {
  const row = cjson.decode(json) as LoadedRow
  const hasEnded = ended === '1'
  const user = load()
  endDueSessions(user)
  row.id = id
  const stored = sessions()[id]
  // This end may be made again before another node makes an earlier start of the session again.
  if (hasEnded) bury(id, undefined, row.starts)
  const isOutdated = stored !== undefined && stored.starts < row.starts
  const isLost = stored === undefined && !hasEnded && hasLost(row)
  // A user has adopted the guest, which ends all of the guest's sessions.
  const isAdopted = user.adoption !== undefined && user.createdAt === undefined
  if (isAdopted || !(isLost || isOutdated) || isRevoked(user, row.issuedAt, row.token)) {
    finish(user)
    return reply(0)
  }
  const [wasOnline] = presence(user)
  if (stored === undefined) {
    // Perhaps the server has given the number in the row to another session, so this session gets a new one.
    row.number = nextNumber()
    redis.call('ZADD', script.keys.live, row.number, `${id}\0${script.userId}`)
    count('sessions', 1)
  } else {
    releaseToken(stored.credential, stored.tokenUse)
    reportReplaced(stored)
  }
  if (row.hiddenSince !== undefined) row.hiddenSince = nextNumber()
  put(row)
  if (row.guest) set(user, 'keptUntil', undefined)
  if (isLost && isAsked('session.started')) addEvent(user, 'session.started', factsOf(row))
  if (!wasOnline) addPresenceEvent(user, false)
  finish(user)
  return reply(1)
}
