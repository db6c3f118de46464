import type { TokenResult, TokenType } from './claims.js'
import { createTokenVerifier, type TokenRules } from './create-token-verifier.js'

/**
 * Verifies one token. To verify many tokens, use `createTokenVerifier`, which turns the secrets into keys only once.
 *
 * A bad token is a result, never a rejection. Rejects with a `TokenError` of code `bad-app-id` if the rules have no valid `appId`.
 *
 * ```js
 * import { createToken, verifyToken } from 'chat-session/tokens'
 *
 * const secret = 'a secret of 32 bytes or longer...'
 * const token = await createToken({ appId: 'hF83jaq', userId: 12345, secret })
 * const result = await verifyToken(token, { appId: 'hF83jaq', secrets: [secret] })
 * console.log(result.ok && result.claims.userId) // 12345
 * ```
 */
export const verifyToken = async <Type extends TokenType = 'user'>(
  token: string,
  rules: TokenRules<Type>,
): Promise<TokenResult<Type>> => createTokenVerifier(rules)(token)
