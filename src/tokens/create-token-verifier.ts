import { validateClaims, refuse, type TokenResult, type TokenType } from './claims.js'
import { createMacCheck, usableSecrets, utf8, type Hmac } from './hmac.js'
import { requireAppId } from './ids.js'
import { publicKeyAlgorithms, verifyWithKeySet, type KeySet } from './key-set.js'
import { parseToken, type ParsedToken } from './parse-token.js'

/** The rules that a token must meet. */
export type TokenRules<Type extends TokenType = 'user'> = {
  /** The only accepted `iss`. */
  appId: string
  /** Secrets for HS256. Any of them may sign a token, so secrets can be rotated. An empty secret verifies nothing. @default [] */
  secrets?: readonly string[] | undefined
  /** Public keys for RS256, ES256 and EdDSA. */
  keySet?: KeySet | undefined
  /** The only accepted `tokenType`. @default 'user' */
  tokenType?: Type | undefined
  /** Whether a token without `exp` is refused. @default true */
  requireExpiry?: boolean | undefined
  /** Returns Unix time in milliseconds. Called at most once per token. @default Date.now */
  now?: (() => number) | undefined
  /** The runtime's own HMAC-SHA256, used instead of Web Crypto's. Called once per secret until one verifies. */
  hmac?: Hmac | undefined
}

/** Verifies a token. A bad token is a result, never a rejection. */
export type TokenVerifier<Type extends TokenType = 'user'> = (token: string) => Promise<TokenResult<Type>>

/**
 * The verifier does not find out what is wrong with the secret, because each guess would cost a verification. The command `check-token`
 * tries the common mistakes, such as a secret that was decoded from base64.
 */
const WRONG_SECRET =
  "No secret of the app matches the token's signature: 'npx chat-session check-token' says what it was signed with."

/**
 * Makes a function that verifies tokens by `rules`. The function turns the secrets into keys only once. A token's own `alg` only
 * chooses among the algorithms of the rules. The signature is verified before any claim is checked.
 *
 * Throws a `TokenError` of code `bad-app-id` if the rules have no valid `appId`.
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
  const validate = ({ claims }: ParsedToken): TokenResult<Type> =>
    validateClaims(claims, { appId, tokenType, requireExpiry, now: now() })

  return async (text) => {
    const parsed = parseToken(text)
    if (!parsed.ok) return refuse(parsed.why)
    const { token } = parsed
    if (token.header.alg === 'HS256' && secrets.length > 0) {
      const isSigned = await checkMac(utf8(token.signed), token.signature)
      return isSigned ? validate(token) : refuse(WRONG_SECRET)
    }
    if (!keySet || !keyAlgorithms.includes(token.header.alg))
      return refuse("The app has no key for the token's 'alg'.")
    const result = await verifyWithKeySet(token, keySet)
    if (result === 'good') return validate(token)
    if (result === 'bad') return refuse("No key in the app's key set matches the token's signature.")
    const refusal = refuse("The app's key set can't be fetched now.", 'unavailable')
    return result.retryAfter === undefined ? refusal : { ...refusal, retryAfter: result.retryAfter }
  }
}
