import { USER } from '../../fields.js'
import { script } from '../context/context.js'
import { replyList } from '../context/counts.js'
import { json, numberArg } from '../context/text.js'
import { loadInbox } from '../users/user.js'
import { epochOf } from './history.js'

/**
 * Reads the inbox's state and the profile of `count` users. The first keys that the caller passes are the users' hashes. Returns for each
 * user seven values: the number of the inbox's epoch (`history.ts`); the newest offset; the read offset; the number of unread messages; a
 * digest of the next two; the profiles, and the time of creation.
 */
export const readStates = ([count]: string[]): unknown[] => {
  const result: unknown[] = []
  const users = numberArg(count)
  for (let n = 0; n < users; n++) {
    const key = script.given[n] ?? ''
    const user = loadInbox(key)
    const fields = redis.call('HMGET', key, USER.profiles, USER.createdAt)
    result.push(epochOf(user), user.newest, user.readOffset, user.unread, redis.sha1hex(json(fields)))
    result.push(fields[0], fields[1])
  }
  return replyList(result)
}
