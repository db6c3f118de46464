import type { Profile } from '../protocol/index.js'
import { signToken } from './sign-token.js'

export type TokenOptions = {
  appId: string
  /** A number is turned into text. Must not begin with `guest:`. */
  userId: string | number
  /**
   * One of the app's secrets, in production of 32 bytes or more. A line break at its end is no part of it. Never send it to a browser.
   */
  secret: string
  /** Seconds until the token expires; null for a token that never does, which production apps refuse by default. @default 3600 */
  expiresIn?: number | null | undefined
  /** The profile that your backend vouches for, at most 4096 bytes as JSON. The user can read it in the token. */
  user?: Profile | undefined
}

/**
 * Makes the token that proves to the gateway who a user is: a JWT signed with HS256, with an id of its own (`jti`). Make it on
 * your server, for the user who is logged in there.
 *
 * Rejects with a `TokenError`: `bad-app-id`, `bad-user-id`, `guest-user-id`, `bad-user`, `bad-secret` or `bad-expiry`.
 *
 * ```js
 * import { createToken } from 'chat-session/tokens'
 *
 * const secret = 'a secret of 32 bytes or longer...'
 * const token = await createToken({ appId: 'hF83jaq', userId: 12345, secret, user: { name: 'Dennis' } })
 * console.log(token.split('.').length) // 3
 * ```
 */
export const createToken = async ({
  appId,
  userId,
  secret,
  expiresIn = 3600,
  user,
}: TokenOptions): Promise<string> => signToken({ tokenType: 'user', appId, userId, secret, expiresIn, user })
