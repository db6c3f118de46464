import { isIssuedUpTo } from '../../../decide/revocations/revoked.js'
import { engineRules } from '../../../rules.js'
import { reply, type Script } from '../context/counts.js'
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
 * Ends the sessions that a revocation concerns, or asks their clients for other credentials. Many sessions take several calls.
 */
export const revoke: Script<'revoke'> = ([isOwn, issuedBefore, mode, numbers, step, tokenHash]) => {
  const { appId, userId, self, now } = script
  const token = optional(tokenHash)
  // A session's start that has checked the token before its revocation finds this note, and is refused.
  if (token !== undefined) bury(token, engineRules.startTimeout)
  const upTo = numbers === 'all' ? newestNumber() : tonumber(numbers)
  const user = load()
  const [following, isPage] = readStep(user, step)
  const asked = tonumber(issuedBefore) ?? now
  if (isOwn === '1') set(user, 'revokedBefore', Math.max(asked, user.revokedBefore ?? asked))
  const before = Math.max(asked, revokedBefore(user) ?? asked)
  for (const row of concernedBy({ token, before, upTo })) {
    if (mode === 'end') {
      // By the time of the revocation this credential is not revoked. So without this note a recovery may make the start again.
      if (token === undefined && !isIssuedUpTo(row.issuedAt, before)) bury(row.id)
      endSession(user, row, 'revoked')
    } else {
      emit(row.nodeId ?? self, { type: 'reauth', session: { appId, userId, sessionId: row.id } })
    }
  }
  finish(user, isPage)
  // The call whose `step` is `last` writes what follows from the sessions that the calls before it have ended. Unless the mode is `end`, no
  // session has ended, so this call is left out.
  const isDone = following === undefined || (mode !== 'end' && following === 'last')
  return reply(before, upTo ?? false, !isDone && following)
}

/** Removes the user's own revocation. */
export const liftRevocation: Script<'liftRevocation'> = () => {
  const user = load()
  if (user.revokedBefore === undefined) return reply(0)
  set(user, 'revokedBefore', undefined)
  store(user)
  return reply(1)
}

/** Revokes an app's credentials in a partition, those that were issued up to a time. */
export const revokeApp: Script<'revokeApp'> = ([issuedBefore]) => {
  const { revoked } = script.keys
  const before = Math.max(tonumber(issuedBefore) ?? script.now, tonumber(redis.call('GET', revoked)) ?? 0)
  redis.call('SET', revoked, whole(before))
  return [before, newestNumber()]
}
