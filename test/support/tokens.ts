import { createToken, type TokenOptions } from '../../src/tokens/index.js'

/** The app of the gateways under test, and the secret of its tokens. */
export const appId = 'app'
export const secret = 'a secret of at least 32 bytes, for tests'

/** The secret of its signatures. */
export const signatureSecret = 'the secret of the signatures of a test'

/** Returns a token for `userId` that the gateways under test accept for an hour, with these options changed. */
export const tokenFor = (userId: string, options: Partial<TokenOptions> = {}): Promise<string> =>
  createToken({ appId, userId, secret, expiresIn: 3600, ...options })
