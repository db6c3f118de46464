import { isIssuedUpTo } from '../../../decide/revocations/revoked.js'
import { engineRules } from '../../../rules.js'
import { reply } from '../context/counts.js'
import { script } from '../context/context.js'
import { optional, whole } from '../context/text.js'
import { emit } from '../state/publish.js'
import { load, revokedBefore, set, store } from '../users/user.js'
import { bury, sessions, type LoadedRow } from './rows.js'
import { endSession, finish, readStep } from './sessions.js'

/** Returns the number of the app's newest session in the partition. */
const newestNumber = (): number => tonumber(redis.call('HGET', script.keys.numbers, 'session')) ?? 0

/** Which sessions a revocation concerns. */
interface Concerned {
  /** If the revocation is that of a token: its `tokenHash`. Then only its sessions are concerned. */
  readonly token: string | undefined
  readonly before: number
  /** The number up to which the revocation concerns sessions whatever their credentials. */
  readonly upTo: number | undefined
}

/** Returns the rows of the sessions that a revocation concerns, in the order of their starts. */
const concernedBy = ({ token, before, upTo }: Concerned): LoadedRow[] => {
  const found: LoadedRow[] = []
  for (const [, row] of pairs(sessions())) {
    const isConcerned =
      token === undefined
        ? isIssuedUpTo(row.issuedAt, before) || row.number <= (upTo ?? -Infinity)
        : row.token === token
    if (isConcerned) found.push(row)
  }
  table.sort(found, (a, b) => a.number < b.number)
  return found
}

/**
 * Ends the sessions that a revocation concerns, or asks their clients for other credentials. Many sessions take several calls. `own` is `1`
 * to store the revocation as the user's own. `issuedBefore` is the time up to which issued credentials are revoked (empty for now). `mode`
 * is `end` to end sessions, any other to ask for credentials. `numbers` is the number up to which the revocation concerns sessions whatever
 * their credentials (empty for none, `all` for the newest number). `step` is the last value that the call before has returned (empty for the
 * first call). `tokenHash` is that of a token, if the revocation is that of the token (else empty). Returns the time up to which issued
 * credentials are revoked; the number of `numbers`, or false for none; and `step` of the next call, or false if this call was the last.
 */
export const revoke = ([own, issuedBefore, mode, numbers, step = '', tokenHash]: string[]): unknown[] => {
  const { appId, userId, self, now } = script
  const token = optional(tokenHash)
  // A session's start that has checked the token before its revocation finds this note, and is refused.
  if (token !== undefined) bury(token, engineRules.startTimeout)
  const upTo = numbers === 'all' ? newestNumber() : tonumber(numbers)
  const user = load(script.keys.user)
  const [following, isPage] = readStep(user, step)
  const asked = tonumber(issuedBefore) ?? now
  if (own === '1') set(user, 'revokedBefore', Math.max(asked, user.revokedBefore ?? asked))
  const before = Math.max(asked, revokedBefore(user) ?? asked)
  for (const row of concernedBy({ token, before, upTo })) {
    if (mode === 'end') {
      // By the time of the revocation this credential is not revoked. So without this note a recovery may make the start again.
      if (token === undefined && !isIssuedUpTo(row.issuedAt, before)) bury(row.id)
      endSession(user, row, 'revoked')
    } else {
      emit(row.nodeId ?? self, { type: 'reauth', appId, userId, sessionId: row.id })
    }
  }
  finish(user, isPage)
  // The call whose `step` is `last` writes what follows from the sessions that the calls before it have ended. Unless the mode is `end`, no
  // session has ended, so this call is left out.
  const isDone = following === undefined || (mode !== 'end' && following === 'last')
  return reply(before, upTo ?? false, !isDone && following)
}

/** Removes the user's own revocation. Returns 1 if there was one, else 0. */
export const liftRevocation = (): unknown[] => {
  const user = load(script.keys.user)
  if (user.revokedBefore === undefined) return reply(0)
  set(user, 'revokedBefore', undefined)
  store(user)
  return reply(1)
}

/**
 * Revokes an app's credentials in a partition, those that were issued up to a time (empty for now). Returns the time, and the number of the
 * newest session.
 */
export const revokeApp = ([issuedBefore]: string[]): unknown => {
  const { revoked } = script.keys
  const before = Math.max(tonumber(issuedBefore) ?? script.now, tonumber(redis.call('GET', revoked)) ?? 0)
  redis.call('SET', revoked, whole(before))
  return [before, newestNumber()]
}
