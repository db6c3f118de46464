import { judgeClaims, refuse, type TokenResult, type TokenType } from './claims.js'
import { createMacCheck, usableSecrets, utf8, type Hmac } from './hmac.js'
import { requireAppId } from './ids.js'
import { publicKeyAlgorithms, verifyWithKeySet, type KeySet } from './key-set.js'
import { parseToken } from './parse-token.js'

/** What a token must be to be accepted. */
export type TokenRules<Type extends TokenType = 'user'> = {
  /** The only `iss` that is accepted. */
  appId: string
  /** Secrets for HS256; any of them verifies, so that they can be rotated. Empty ones never do. @default [] */
  secrets?: readonly string[] | undefined
  /** Public keys for RS256, ES256 and EdDSA. */
  keySet?: KeySet | undefined
  /** The only `tokenType` that is accepted. @default 'user' */
  tokenType?: Type | undefined
  /** Whether a token without `exp` is refused. @default true */
  requireExpiry?: boolean | undefined
  /** Unix time in milliseconds; called once a token. @default Date.now */
  now?: (() => number) | undefined
  /** HMAC-SHA256 of the host, used in place of Web Crypto's; called once a secret until one verifies. */
  hmac?: Hmac | undefined
}

/** Verifies one token after the other by the same rules. Never rejects for what is in a token. */
export type TokenVerifier<Type extends TokenType = 'user'> = (token: string) => Promise<TokenResult<Type>>

/**
 * Makes a function that verifies tokens by `rules`; keys are imported once and kept as long as the function is. The
 * algorithm is chosen by the rules, never by the token, and nothing that a token says is judged before its signature.
 *
 * Throws a `TokenError` of code `bad-app-id`.
 *
 * ```js
 * import { createToken, createTokenVerifier } from 'chat-session/tokens'
 *
 * const secret = 'a secret of 32 bytes or longer...'
 * const verify = createTokenVerifier({ appId: 'hF83jaq', secrets: [secret] })
 * const result = await verify(await createToken({ appId: 'hF83jaq', userId: 12345, secret }))
 * if (result.ok) console.log(result.claims.userId) // 12345
 * else console.log(result.code, result.why)
 * ```
 */
export const createTokenVerifier = <Type extends TokenType = 'user'>(
  rules: TokenRules<Type>,
): TokenVerifier<Type> => {
  const { keySet, tokenType = 'user', requireExpiry = true, now = Date.now, hmac } = rules
  const appId = requireAppId(rules.appId)
  const secrets = usableSecrets(rules.secrets ?? [])
  const checkMac = createMacCheck(secrets, hmac)
  const keyAlgorithms: readonly string[] = keySet ? publicKeyAlgorithms(keySet) : []

  return async (text) => {
    const parsed = parseToken(text)
    if (!parsed.ok) return refuse(parsed.why)
    const { token } = parsed
    if (token.header.alg === 'HS256' && secrets.length > 0) {
      if (!(await checkMac(utf8(token.signed), token.signature)))
        return refuse("The token's signature is of none of the app's secrets.")
    } else if (keySet && keyAlgorithms.includes(token.header.alg)) {
      const verdict = await verifyWithKeySet(token, keySet)
      if (verdict === 'unavailable') return refuse("The app's key set can't be had now.", 'unavailable')
      if (verdict === 'bad')
        return refuse("The token's signature is of none of the keys in the app's key set.")
    } else return refuse("The token's 'alg' is not one that the app has keys for.")
    return judgeClaims(token.claims, { appId, tokenType, requireExpiry, now: now() })
  }
}
