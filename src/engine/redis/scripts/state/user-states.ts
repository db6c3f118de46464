import type { UserState } from '../../calls/messages.js'
import type { Values } from '../../calls/values.js'
import { USER } from '../../fields.js'
import { script } from '../context/context.js'
import { replyList, type Script } from '../context/counts.js'
import { json } from '../context/text.js'
import { loadInbox } from '../users/user.js'
import { epochOf } from './history.js'

/** Reads the inbox's state and the profile of users. The first keys that the caller passes are the users' hashes. */
export const readStates: Script<'readStates'> = ([users]) => {
  const result: Values<UserState>[] = []
  const count = tonumber(users)
  for (let n = 0; n < count; n++) {
    const key = script.given[n] ?? ''
    const user = loadInbox(key)
    const fields = redis.call('HMGET', key, USER.profiles, USER.createdAt)
    const { newest, readOffset, unread } = user
    result.push([
      epochOf(user),
      newest,
      readOffset,
      unread,
      redis.sha1hex(json(fields)),
      fields[0],
      fields[1],
    ])
  }
  return replyList(result)
}
