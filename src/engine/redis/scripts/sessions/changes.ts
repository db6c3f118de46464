import { reply, replyList, type Script } from '../context/counts.js'
import { script } from '../context/context.js'
import { optional } from '../context/text.js'
import { historyNumber } from '../state/history.js'
import { load, revokedBefore } from '../users/user.js'
import { bury, presence, put, sessions, type LoadedRow } from './rows.js'
import {
  attached,
  detach,
  endDueSessions,
  endSession as end,
  finish,
  isRevoked,
  nextNumber,
  releaseToken,
} from './sessions.js'

/** Notes that the session's page was hidden or shown. */
const setHidden = (row: LoadedRow, isHidden: boolean): void => {
  if (isHidden === (row.hiddenSince !== undefined)) return
  row.hiddenSince = isHidden ? nextNumber() : undefined
  put(row)
}

/** Changes a session that a connection carries. */
export const changeSession: Script<'changeSession'> = ([id, connectionId, change, resumableFor]) => {
  const user = load()
  endDueSessions(user)
  const row = attached(id, connectionId)
  if (row !== undefined && change === 'confirm') {
    row.lastSeenAt = script.now
    row.previousKeyHash = undefined
    put(row)
  } else if (row !== undefined && change === 'detach') {
    row.lastSeenAt = script.now
    detach(row, tonumber(resumableFor) ?? row.resumableFor)
    finish(user)
    endDueSessions(user)
  } else if (row !== undefined) {
    setHidden(row, change === 'hide')
  }
  finish(user)
  return reply(row === undefined ? 0 : 1, historyNumber())
}

/**
 * Gives a session a new credential. If the new credential is revoked, or if another connection carries the session, the session keeps its
 * old credential.
 */
export const renewSession: Script<'renewSession'> = ([
  id,
  connectionId,
  way,
  token,
  issuedAt,
  credential,
  use,
]) => {
  const [tokenHash, tokenUse, issued] = [optional(token), optional(use), tonumber(issuedAt)]
  const user = load()
  if (isRevoked(user, issued, tokenHash)) {
    releaseToken(credential, tokenUse)
    return reply(0)
  }
  endDueSessions(user)
  const row = attached(id, connectionId)
  if (row === undefined) {
    releaseToken(credential, tokenUse)
  } else {
    // If the script runs twice, the row names the new note already. That note must stay: by it a revocation of the token finds this session.
    if (row.tokenUse !== tokenUse) releaseToken(row.credential, row.tokenUse)
    row.authMethod = way
    row.token = tokenHash
    row.issuedAt = issued
    row.credential = credential
    row.tokenUse = tokenUse
    put(row)
  }
  finish(user)
  return reply(1)
}

/** Ends a session. */
export const endSession: Script<'endSession'> = ([id, code, connectionId, isRepeated]) => {
  const user = load()
  endDueSessions(user)
  const row = sessions()[id]
  // The node that has started the session perhaps does not learn of an end that names no connection. This note keeps it from making the start
  // again after a failover. If a recovery makes the end again, that node perhaps makes the start again only later.
  if (connectionId === '' && (row !== undefined || isRepeated === '1')) bury(id)
  if (row === undefined || (connectionId !== '' && row.connectionId !== connectionId)) {
    finish(user)
    return reply(0, historyNumber())
  }
  end(user, row, code)
  finish(user)
  return reply(1, historyNumber())
}

/** Reads a user's sessions. */
export const listSessions: Script<'listSessions'> = () => {
  const user = load()
  endDueSessions(user)
  finish(user)
  return replyList(redis.call('HGETALL', script.keys.sessions))
}

/**
 * Lists an app's sessions in a partition, in the order of their numbers. When a session starts, it gets the partition's next number for
 * the app.
 */
export const listAppSessions: Script<'listAppSessions'> = ([after, limit]) =>
  redis.call('ZRANGEBYSCORE', script.keys.live, `(${after}`, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)

/** Reads a user's presence, number of sessions, revocation, and number of unread messages. */
export const status: Script<'status'> = () => {
  const user = load()
  endDueSessions(user)
  const [online, total] = presence(user)
  let seen = user.lastSeenAt
  for (const [, row] of pairs(sessions())) {
    // A session with a connection counts as seen now, because only the gateway of the connection knows when the client last answered.
    const at = row.connectionId === undefined ? row.lastSeenAt : script.now
    seen = Math.max(seen ?? at, at)
  }
  finish(user)
  return reply(online ? 1 : 0, total, seen ?? false, revokedBefore(user) ?? false, user.unread)
}
