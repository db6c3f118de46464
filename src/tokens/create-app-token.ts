import { signToken } from './sign-token.js'

export type AppTokenOptions = {
  appId: string
  /** One of the app's secrets. Never send it to a browser. */
  secret: string
  /** Seconds until the token expires. @default 60 */
  expiresIn?: number | undefined
}

/**
 * Makes the token with which a backend calls the gateway's REST API. Such a token may do anything to the app's users. So it expires soon
 * and stays on the server.
 *
 * Rejects with a `TokenError`: `bad-app-id`, `bad-secret` or `bad-expiry`.
 *
 * ```js
 * import { createAppToken } from 'chat-session/tokens'
 *
 * const token = await createAppToken({ appId: 'hF83jaq', secret: 'a secret of 32 bytes or longer...' })
 * const headers = { authorization: `Bearer ${token}` }
 * console.log(Object.keys(headers)) // [ 'authorization' ]
 * ```
 */
export const createAppToken = async ({ appId, secret, expiresIn = 60 }: AppTokenOptions): Promise<string> =>
  signToken({ tokenType: 'app', appId, secret, expiresIn })
