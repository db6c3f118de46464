import { reply, replyList } from '../context/counts.js'
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
  type EndCode,
} from './sessions.js'

/** Notes that the session's page was hidden or shown. */
const setHidden = (row: LoadedRow, isHidden: boolean): void => {
  if (isHidden === (row.hiddenSince !== undefined)) return
  row.hiddenSince = isHidden ? nextNumber() : undefined
  put(row)
}

/**
 * Changes a session that a connection carries. `change` is: `confirm` to forget the previous resume key, because the client has the latest
 * one; `hide` or `show` if the session's page was hidden or shown; `detach` if the connection is lost. For `detach`, `resumableFor` is for
 * how many milliseconds the session is resumable (empty for the number in its row). Returns 1 if this connection carried the session, else
 * 0; and the number of the server's history.
 */
export const changeSession = ([id = '', connectionId = '', change, resumableFor]: string[]): unknown[] => {
  const user = load(script.keys.user)
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
 * old credential. `way` is the authentication method. `token` is the token's `tokenHash` (empty for none). `issuedAt` is when the credential
 * was issued (empty if that is unknown). `credential` is JSON. `use` is the name of the note about this session in the token's Redis hash
 * (empty for no token). Returns 0 if the credential is revoked, else 1.
 */
export const renewSession = ([
  id = '',
  connectionId = '',
  way = '',
  token,
  issuedAt,
  credential = '',
  use,
]: string[]): unknown[] => {
  const [tokenHash, tokenUse, issued] = [optional(token), optional(use), tonumber(issuedAt)]
  const user = load(script.keys.user)
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

/**
 * Ends a session. `connectionId` is the connection that must carry the session (empty for any). `repeated` is `1` if a recovery makes the
 * end again. Returns 1 if the session has ended, 0 if there is no such session or another connection carries it; and the number of the
 * server's history.
 */
export const endSession = ([id = '', code, connectionId = '', repeated]: string[]): unknown[] => {
  const user = load(script.keys.user)
  endDueSessions(user)
  const row = sessions()[id]
  // The node that has started the session perhaps does not learn of an end that names no connection. This note keeps it from making the start
  // again after a failover. If a recovery makes the end again, that node perhaps makes the start again only later.
  if (connectionId === '' && (row !== undefined || repeated === '1')) bury(id)
  if (row === undefined || (connectionId !== '' && row.connectionId !== connectionId)) {
    finish(user)
    return reply(0, historyNumber())
  }
  end(user, row, code as EndCode)
  finish(user)
  return reply(1, historyNumber())
}

/** Reads a user's sessions. Returns for each session its id and its row. */
export const listSessions = (): unknown[] => {
  const user = load(script.keys.user)
  endDueSessions(user)
  finish(user)
  return replyList(redis.call('HGETALL', script.keys.sessions))
}

/**
 * Lists an app's sessions in a partition, in the order of their numbers: `max` at most, after the number `after`. When a session starts, it
 * gets the partition's next number for the app. Returns for each session two values: its id and the user's id, separated by NUL; its number.
 */
export const listAppSessions = ([after = '', max = '']: string[]): unknown =>
  redis.call('ZRANGEBYSCORE', script.keys.live, `(${after}`, '+inf', 'WITHSCORES', 'LIMIT', 0, max)

/**
 * Reads a user's presence, number of sessions, revocation, and number of unread messages. Returns five values: 1 if the user is online, else
 * 0; the number of sessions; when the user was last seen, or false; the time of the revocation (credentials that were issued up to then are
 * revoked), or false; the number of unread messages.
 */
export const status = (): unknown[] => {
  const user = load(script.keys.user)
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
