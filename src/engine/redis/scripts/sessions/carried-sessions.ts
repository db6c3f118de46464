import { isIssuedUpTo, later } from '../../../decide/revocations/revoked.js'
import { USER } from '../../fields.js'
import type { SessionRow } from '../../sessions/session-row.js'
import { script } from '../context/context.js'
import { replyList } from '../context/counts.js'

/**
 * Reads which connections carry the sessions of users. The caller passes three keys for each user: `sessions`, `user` and `revoked`.
 * Returns for each user a list with three items for each session: the session's id; the connection that carries it on the calling node, `*`
 * if another node has the connection, or an empty text if the session is detached; and 1 if the session's credential is revoked, else 0.
 * Such a session goes on only if its client was asked for another credential.
 */
export const readCarried = (): unknown[] => {
  const { given, self } = script
  const result: unknown[] = []
  for (let n = 0; n < given.length; n += 3) {
    const [sessions = '', user = '', revoked = ''] = [given[n], given[n + 1], given[n + 2]]
    const ofUser = tonumber(redis.call('HGET', user, USER.revokedBefore)) ?? null
    const before = later(ofUser, tonumber(redis.call('GET', revoked)) ?? null)
    const found: unknown[] = []
    const all = redis.call('HGETALL', sessions)
    for (let m = 0; m < all.length; m += 2) {
      const { connectionId, nodeId, issuedAt } = cjson.decode(all[m + 1] ?? '') as SessionRow
      const carrier = connectionId === undefined ? '' : nodeId === self ? connectionId : '*'
      found.push(all[m], carrier, isIssuedUpTo(issuedAt, before) ? 1 : 0)
    }
    result.push(found)
  }
  return replyList(result)
}
