import { isAppId, isGuestId, isUserId, userIdText } from '../protocol/index.js'
import { TokenError } from './token-error.js'

/** Returns a user id as text, or undefined for a bad one. */
export const readUserId = (id: unknown): string | undefined => {
  const text = userIdText(id)
  return typeof text === 'string' && isUserId(text) ? text : undefined
}

/** Returns the id of a user that a backend may vouch for. Throws a `TokenError` for a bad id and for a guest's. */
export const requireVouchable = (id: unknown): string => {
  const userId = readUserId(id)
  if (userId === undefined) throw new TokenError('bad-user-id')
  if (isGuestId(userId)) throw new TokenError('guest-user-id')
  return userId
}

/**
 * Returns `id`; throws a `TokenError` for a bad one. Also checks the type, because a regular expression reads a missing app id as the text
 * `undefined`, which looks like an app id.
 */
export const requireAppId = (id: unknown): string => {
  if (typeof id !== 'string' || !isAppId(id)) throw new TokenError('bad-app-id')
  return id
}
