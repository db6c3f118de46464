import { isIssuedUpTo } from '../../../decide/revocations/revoked.js'
import { sessionsBeyond } from '../../../decide/sessions/make-room.js'
import { detached, goesOffline, isOver } from '../../../decide/sessions/session.js'
import { engineRules } from '../../../rules.js'
import type { WireEventOf } from '../../wire-event.js'
import { script } from '../context/context.js'
import { count } from '../context/counts.js'
import { json, whole } from '../context/text.js'
import { reachedSince } from '../state/history.js'
import { emit } from '../state/publish.js'
import { forgetGuest } from '../users/lifetime.js'
import { revokedBefore, schedule, set, storeRest, type User } from '../users/user.js'
import { addEvent, isAsked } from '../webhooks/events.js'
import { addPresenceEvent, tellWatchers } from './presence.js'
import { drop, haveChanged, loadPage, noteChange, presence, put, sessions, type LoadedRow } from './rows.js'

/*
 * The changes of a user's sessions.
 */

export type EndCode = WireEventOf<'session-ended'>['code']

/** A user may have 10,000 rows, and other calls wait while a script reads. */
const ROWS_PER_STEP = 500
/** If the last of several steps does not come within as many milliseconds, the sweep does its work. */
const LAST_STEP_WITHIN = 5000

/**
 * Returns whether a credential is revoked: because of its user, its app, or its token. `issuedAt` is undefined if the time is not known, and
 * `token` if the credential has no token's id.
 */
export const isRevoked = (user: User, issuedAt: number | undefined, token?: string): boolean =>
  isIssuedUpTo(issuedAt, revokedBefore(user)) ||
  (token !== undefined && redis.call('HEXISTS', script.keys.tombs, token) === 1)

/** Returns the next number for a session's start or detachment, or for the hiding of a page. */
export const nextNumber = (): number => redis.call('HINCRBY', script.keys.numbers, 'session', 1)

/** Returns what a webhook event says about a session: JSON without braces. */
export const factsOf = (row: LoadedRow): string => {
  const facts = cjson.decode(row.facts) as Record<'origin' | 'address' | 'client', unknown>
  return table.concat(
    [
      `"sessionId":${json(row.id)}`,
      `"guest":${tostring(row.guest)}`,
      `"way":${json(row.authMethod)}`,
      `"origin":${json(facts.origin)}`,
      `"address":${json(facts.address)}`,
      `"client":${json(facts.client)}`,
      `"startedAt":${whole(row.startedAt)}`,
    ],
    ',',
  )
}

/** Tells the node of a session that the session left a connection, because another connection carries it now. */
export const reportReplaced = ({ id: sessionId, connectionId, nodeId }: LoadedRow): void => {
  const { appId, userId } = script
  if (connectionId === undefined) return
  emit(nodeId, { type: 'connection-replaced', session: { appId, userId, sessionId }, connectionId })
}

/**
 * Tells the calling node that a session no longer uses its token. The node deletes the field that `use` names from the token's Redis hash,
 * which may be in another partition than the user.
 */
export const releaseToken = (credential: string, use: string | undefined): void => {
  const { appId, userId } = script
  if (use !== undefined) script.events.push({ type: 'token-released', appId, userId, credential, use })
}

/** Sets when the user was last seen. The time never goes back: a session that ended earlier may have been seen later. */
const noteSeen = (user: User, at: number): void => set(user, 'lastSeenAt', Math.max(user.lastSeenAt ?? 0, at))

/** Removes a session, and does not report its end. */
export const remove = (user: User, { id, credential, tokenUse, lastSeenAt }: LoadedRow): void => {
  drop(id)
  releaseToken(credential, tokenUse)
  redis.call('ZREM', script.keys.live, `${id}\0${script.userId}`)
  count('sessions', -1)
  noteSeen(user, lastSeenAt)
}

/** Removes sessions so that one more can start. Returns their rows. */
export const makeRoom = (user: User, limit: number): LoadedRow[] => {
  const all: LoadedRow[] = []
  for (const [, row] of pairs(sessions())) all.push(row)
  const removed = sessionsBeyond(all, limit - 1)
  for (const row of removed) remove(user, row)
  return removed
}

/** Tells the node of the connection, and the app's backend, that a session has ended. */
export const reportEnd = (user: User, row: LoadedRow, code: EndCode, wasOnline: boolean): void => {
  const { appId, userId, self } = script
  emit(row.nodeId ?? self, { type: 'session-ended', session: { appId, userId, sessionId: row.id }, code })
  if (isAsked('session.ended')) addEvent(user, 'session.ended', `${factsOf(row)},"code":${json(code)}`)
  addPresenceEvent(user, wasOnline)
}

export const endSession = (user: User, row: LoadedRow, code: EndCode): void => {
  const [wasOnline] = presence(user)
  if (row.connectionId !== undefined) row.lastSeenAt = script.now
  remove(user, row)
  reportEnd(user, row, code, wasOnline)
  if (row.guest) forgetGuest(user)
}

/** Returns whether one session ends before another if both are over. */
const endsFirst = (a: LoadedRow, b: LoadedRow): boolean => {
  const [endA, endB] = [a.expiresAt ?? 0, b.expiresAt ?? 0]
  return endA < endB || (endA === endB && a.number < b.number)
}

/**
 * Ends the detached sessions that can no longer be resumed, and notes which of the others no longer make the user online. With `isLast`, in
 * the last step of `readStep`, it looks at the rows even if no deadline has passed.
 */
export const endDueSessions = (user: User, isLast = false): void => {
  const { now } = script
  if (!isLast && (user.sessionsDueAt ?? Infinity) > now) return
  const expired: LoadedRow[] = []
  const away: LoadedRow[] = []
  const since = reachedSince(true)
  const rows = sessions()
  // Earlier steps, if any, have read only pages of the rows. So `finish` must now write what follows from all rows.
  noteChange()
  addPresenceEvent(user, user.online !== undefined)
  for (const [, row] of pairs(rows)) {
    if (row.expiresAt === undefined) continue
    const expiresAt = Math.max(row.expiresAt, since + row.resumableFor)
    const offlineAt = Math.max(row.offlineAt ?? 0, since + engineRules.offlineAfter)
    const { offline } = row
    if (isOver({ expiresAt }, now)) expired.push(row)
    else if (goesOffline({ offlineAt, offline }, now)) away.push(row)
    else if (expiresAt > row.expiresAt || (offline !== true && offlineAt > (row.offlineAt ?? 0))) {
      row.expiresAt = expiresAt
      row.offlineAt = offlineAt
      put(row)
    }
  }
  table.sort(expired, endsFirst)
  for (const row of expired) endSession(user, row, 'timeout')
  const [wasOnline] = presence(user)
  for (const row of away) {
    row.offline = true
    put(row)
  }
  if (away.length > 0) addPresenceEvent(user, wasOnline)
}

/** Returns the row of a session that is attached to this connection; undefined if another connection or none carries it. */
export const attached = (id: string, connectionId: string): LoadedRow | undefined => {
  const row = sessions()[id]
  return row?.connectionId === connectionId ? row : undefined
}

/** Detaches a session, which can be resumed for `resumableFor` milliseconds. Its connection was lost now, or at `lostAt`. */
export const detach = (row: LoadedRow, resumableFor: number, lostAt = script.now): void => {
  row.resumableFor = resumableFor
  const of = detached(row, nextNumber(), script.now, lostAt)
  row.connectionId = undefined
  row.nodeId = undefined
  row.detached = of.detached ?? undefined
  row.expiresAt = of.expiresAt ?? undefined
  row.offlineAt = of.offlineAt ?? undefined
  put(row)
}

/**
 * Reads the rows whose sessions a step may end: all rows, or one page if the user has many. `step` is empty in the first step. In a later
 * step it is what the step before has returned: a cursor for the next page, or `last` after the last page. A step that has read a page
 * takes the number of all rows, and whether the user is online, from what is stored. If the page has all rows, this step is the last. The
 * last step also calls `endDueSessions`. Returns `step` for the next step, or undefined after the last; and whether this step has read only
 * a page.
 */
export const readStep = (
  user: User,
  step: string,
): LuaMultiReturn<[next: string | undefined, isPage: boolean]> => {
  const key = script.keys.sessions
  if (step === 'last' || (step === '' && redis.call('HLEN', key) <= ROWS_PER_STEP)) {
    endDueSessions(user, step === 'last')
    return $multi(undefined, false)
  }
  const [cursor, page] = redis.call('HSCAN', key, step === '' ? '0' : step, 'COUNT', ROWS_PER_STEP)
  if (loadPage(page, user)) {
    endDueSessions(user, true)
    return $multi(undefined, false)
  }
  return $multi(cursor === '0' ? 'last' : cursor, true)
}

/** Writes which nodes have connections that carry the user's sessions. */
const noteNodes = (
  user: User,
  nodes: readonly string[],
  has: Readonly<Partial<Record<string, true>>>,
): void => {
  const names = nodes.length > 0 ? table.concat(nodes, ' ') : undefined
  if (names === user.nodes) return
  const { member, keys } = script
  const before: Partial<Record<string, true>> = {}
  for (const node of string.gmatch(user.nodes ?? '', '%S+')) {
    before[node] = true
    if (has[node] === undefined) redis.call('ZREM', keys.attached, `${node}\0${member}`)
  }
  for (const node of nodes)
    if (before[node] === undefined) redis.call('ZADD', keys.attached, '0', `${node}\0${member}`)
  set(user, 'nodes', names)
}

/** Writes whether the user is online. */
const notePresence = (user: User): void => {
  const [online] = presence(user)
  const wasOnline = user.online !== undefined
  // A node that later begins to watch the user reads no rows, so `lastSeenAt` takes up the latest time of the rows.
  if (wasOnline && !online) for (const [, row] of pairs(sessions())) noteSeen(user, row.lastSeenAt)
  set(user, 'online', online ? '1' : undefined)
  if (online !== wasOnline) tellWatchers(user, online)
}

/** Returns when a session ends, or no longer makes the user online; `Infinity` while it is active. */
const dueAt = ({ expiresAt = Infinity, offlineAt = Infinity, offline }: LoadedRow): number =>
  offline === true ? expiresAt : Math.min(expiresAt, offlineAt)

/** Writes what follows from the rows. */
const noteRows = (user: User): void => {
  const nodes: string[] = []
  const seen: Partial<Record<string, true>> = {}
  let nextAt = Infinity
  for (const [, row] of pairs(sessions())) {
    const { nodeId } = row
    if (nodeId !== undefined && seen[nodeId] === undefined) {
      seen[nodeId] = true
      nodes.push(nodeId)
    }
    nextAt = Math.min(nextAt, dueAt(row))
  }
  noteNodes(user, nodes, seen)
  notePresence(user)
  set(user, 'sessionsDueAt', nextAt === Infinity ? undefined : nextAt)
}

/**
 * Writes the user's nodes, presence and deadlines as they follow from the sessions. Each script that changes sessions calls it last. A
 * script that also changes the inbox calls `storeInbox`, too. `isPage` is what `readStep` has returned.
 */
export const finish = (user: User, isPage = false): void => {
  // Only the last step knows all sessions.
  if (haveChanged() && isPage)
    set(user, 'sessionsDueAt', Math.min(user.sessionsDueAt ?? Infinity, script.now + LAST_STEP_WITHIN))
  else if (haveChanged()) noteRows(user)
  schedule(user)
  storeRest(user)
}
