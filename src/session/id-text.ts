import { userIdText } from '../protocol/index.js'
import { SessionError } from './errors.js'
import { sentences } from './sentences.js'

/** Returns a user id as frames have it. Throws `bad-request` for a number that may have lost digits. */
export const idText = <T>(id: T): Exclude<T, number> | string => {
  const text = userIdText(id)
  if (typeof text === 'number') throw new SessionError('bad-request', { message: sentences.badId })
  return text as Exclude<T, number>
}
