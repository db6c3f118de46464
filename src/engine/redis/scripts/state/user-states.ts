import type { UserState } from '../../calls/messages.js'
import type { Values } from '../../calls/values.js'
import { USER } from '../../fields.js'
import { script } from '../context/context.js'
import { replyList, type Script } from '../context/counts.js'
import { json } from '../context/text.js'
import { loadNumbers } from '../users/user.js'
import { inboxReply } from './history.js'

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
