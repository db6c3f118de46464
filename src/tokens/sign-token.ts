import { base64url } from 'jose'
import { parseProfile, type JsonObject, type Profile } from '../protocol/index.js'
import { createMac, utf8, type Hmac } from './hmac.js'
import { readUserId, requireAppId, requireVouchable } from './ids.js'
import { isInMilliseconds, isTimestamp } from './timestamp.js'
import { TokenError } from './token-error.js'

type TokenToSign = {
  appId: string
  secret: string
  /** Seconds, or null for a token that doesn't expire. */
  expiresIn: number | null
  /** Private claims (RFC 7519, 4.3). They can't replace the other claims. */
  more?: JsonObject | undefined
  /**
   * Unix time in milliseconds. `iat` then has a fraction of a second, so that a token that is signed just after a revocation is not
   * revoked. @default the present second
   */
  issuedAt?: number
  /** The token's own id. @default a random one */
  tokenId?: string | undefined
  /** The runtime's own HMAC-SHA256, used instead of Web Crypto's. */
  hmac?: Hmac | undefined
} & (
  | { tokenType: 'user' | 'gateway'; userId: string | number; user?: Profile | undefined }
  | { tokenType: 'app' }
)

const header = base64url.encode(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))

/** Returns the claims about the user. Only the gateway's own tokens may name a guest, because no backend vouches for guests. */
const subjectOf = (token: TokenToSign): { sub?: string; user?: Profile } => {
  if (token.tokenType === 'app') return {}
  const sub = token.tokenType === 'gateway' ? readUserId(token.userId) : requireVouchable(token.userId)
  if (sub === undefined) throw new TokenError('bad-user-id')
  if (token.user === undefined) return { sub }
  const user = parseProfile(token.user)
  if (!user) throw new TokenError('bad-user')
  return { sub, user }
}

const datesOf = ({ expiresIn, issuedAt }: TokenToSign): { iat: number; exp?: number } => {
  const iat = issuedAt === undefined ? Math.floor(Date.now() / 1000) : issuedAt / 1000
  if (expiresIn === null) return { iat }
  const exp = Number.isFinite(expiresIn) ? iat + expiresIn : NaN
  // No verifier would accept a date that fails this check.
  if (!(expiresIn > 0 && isTimestamp(exp * 1000) && !isInMilliseconds(exp)))
    throw new TokenError('bad-expiry')
  return { iat, exp }
}

/** Returns an id of 128 random bits for a token (RFC 7519, 4.1.7), so that a backend can revoke only this token. */
export const newTokenId = (): string => base64url.encode(crypto.getRandomValues(new Uint8Array(16)))

/** Signs a token of any type by HS256. Rejects with a `TokenError` if no verifier would accept the token. */
export const signToken = async (token: TokenToSign): Promise<string> => {
  const { sub, user } = subjectOf(token)
  const claims = {
    ...token.more,
    tokenType: token.tokenType,
    iss: requireAppId(token.appId),
    sub,
    jti: token.tokenId ?? newTokenId(),
    ...datesOf(token),
    user,
  }
  const signed = `${header}.${base64url.encode(JSON.stringify(claims))}`
  return `${signed}.${base64url.encode(await createMac(token.secret, utf8(signed), token.hmac))}`
}
