import { isIssuedUpTo, later } from '../../../decide/revocations/revoked.js'
import type { CarriedSession } from '../../calls/sessions.js'
import { USER } from '../../fields.js'
import type { SessionRow } from '../../sessions/session-row.js'
import { script } from '../context/context.js'
import { replyList, type Script } from '../context/counts.js'

/**
 * Reads which connections carry the sessions of users. The caller passes three keys for each user: `sessions`, `user` and `revoked`.
 */
export const readCarried: Script<'readCarried'> = () => {
  const { given, self } = script
  const result: CarriedSession[][] = []
  for (let n = 0; n < given.length; n += 3) {
    const [sessions = '', user = '', revoked = ''] = [given[n], given[n + 1], given[n + 2]]
    const ofUser = tonumber(redis.call('HGET', user, USER.revokedBefore)) ?? null
    const before = later(ofUser, tonumber(redis.call('GET', revoked)) ?? null)
    const found: CarriedSession[] = []
    const all = redis.call('HGETALL', sessions)
    for (let m = 0; m < all.length; m += 2) {
      const { connectionId, nodeId, issuedAt } = cjson.decode(all[m + 1] ?? '') as SessionRow
      const carrier = connectionId === undefined ? '' : nodeId === self ? connectionId : '*'
      found.push([all[m] ?? '', carrier, isIssuedUpTo(issuedAt, before) ? 1 : 0])
    }
    result.push(found)
  }
  return replyList(result)
}
