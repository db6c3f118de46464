import { isIssuedUpTo, later } from '../../../decide/revocations/revoked.js'
import type { UserState } from '../../calls/messages.js'
import type { CarriedSession } from '../../calls/sessions.js'
import type { Values } from '../../calls/values.js'
import { USER } from '../../fields.js'
import type { SessionRow } from '../../sessions/session-row.js'
import { script } from '../context/context.js'
import { replyList, type Script } from '../context/counts.js'
import { json } from '../context/text.js'
import { loadNumbers } from '../users/user.js'
import { epochOf, inboxReply, readGeneration } from './history.js'

/*
 * What a node compares with its memory if an event or a change was perhaps lost.
 */

/** Reads the newest offsets of users, also while the history is unsettled (`history.ts`). The first keys are the users' hashes. */
export const newestOffsets: Script<'newestOffsets'> = ([users]) => {
  readGeneration()
  const result: [epoch: number, offset: number][] = []
  const count = tonumber(users)
  for (let n = 0; n < count; n++) {
    const user = loadNumbers(script.given[n] ?? '')
    result.push([epochOf(user), user.newest])
  }
  return replyList(result)
}

/** Reads the inbox's state and the profile of users. The first keys that the caller passes are the users' hashes. */
export const readStates: Script<'readStates'> = ([users]) => {
  const result: Values<UserState>[] = []
  const count = tonumber(users)
  for (let n = 0; n < count; n++) {
    const key = script.given[n] ?? ''
    const user = loadNumbers(key)
    const fields = redis.call('HMGET', key, USER.profiles, USER.createdAt)
    result.push([redis.sha1hex(json(fields)), ...fields, ...inboxReply(user)])
  }
  return replyList(result)
}

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
