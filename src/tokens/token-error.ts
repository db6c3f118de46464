import { PROFILE_RULE, USER_ID_RULE } from '../protocol/index.js'

/** Which argument is not usable. Codes do not change; messages may improve. */
export type TokenErrorCode =
  'bad-app-id' | 'bad-user-id' | 'guest-user-id' | 'bad-user' | 'bad-secret' | 'bad-expiry'

const messages: Record<TokenErrorCode, string> = {
  'bad-app-id': 'The app id must be 1 to 64 letters, digits, hyphens and underscores.',
  'bad-user-id': `The user id must be ${USER_ID_RULE}.`,
  'guest-user-id': "The user id begins with 'guest:', and only the gateway makes such ids.",
  'bad-user': `The user is not a profile. ${PROFILE_RULE}`,
  'bad-secret': 'The secret must be a string that is not empty: is its environment variable set?',
  'bad-expiry':
    "'expiresIn' must be a positive number of seconds from now, no Unix time in milliseconds, or null for none where that is allowed.",
}

/**
 * Thrown for an unusable argument of a function that makes tokens or signatures, or for an unusable `appId` of `createTokenVerifier` or
 * `verifyToken`. Neither the message nor the code has any part of the argument, so both may be logged.
 *
 * ```js
 * import { createToken, TokenError } from 'chat-session/tokens'
 *
 * try {
 *   await createToken({ appId: 'hF83jaq', userId: '', secret: 'a secret of 32 bytes or longer...' })
 * } catch (error) {
 *   if (error instanceof TokenError) console.log(error.code) // bad-user-id
 * }
 * ```
 */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly code: TokenErrorCode

  constructor(code: TokenErrorCode) {
    super(messages[code])
    this.code = code
  }
}
