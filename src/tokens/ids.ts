import { isAppId, isGuestId, isUserId } from '../protocol/index.js'
import { TokenError } from './token-error.js'

/** The id of a user as text. A number past the safe integers has already lost digits, so it names nobody. */
export const readUserId = (id: unknown): string | undefined => {
  const text = Number.isSafeInteger(id) ? String(id) : id
  return typeof text === 'string' && isUserId(text) ? text : undefined
}

/** The id of a user whom a backend may vouch for: any but a guest's. */
export const requireVouchable = (id: unknown): string => {
  const userId = readUserId(id)
  if (userId === undefined) throw new TokenError('bad-user-id')
  if (isGuestId(userId)) throw new TokenError('guest-user-id')
  return userId
}

/** The type is checked too: as a pattern sees it, a missing app id is the text `undefined`. */
export const requireAppId = (id: unknown): string => {
  if (typeof id !== 'string' || !isAppId(id)) throw new TokenError('bad-app-id')
  return id
}
