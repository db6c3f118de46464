import { isGuestId, parseProfile, USER_ID_RULE, type JsonObject, type Profile } from '../protocol/index.js'
import { profileProblem } from '../protocol/internal.js'
import { readUserId } from './ids.js'
import { isInMilliseconds, isTimestamp } from './timestamp.js'

/**
 * `user`: made by an app's backend for one of its users. `app`: made by the backend for its REST calls. `gateway`: made by the gateway for
 * a guest, or for a user whose auth params it has accepted.
 */
export type TokenType = 'user' | 'app' | 'gateway'

/** The claims of a verified token. */
export type TokenClaims<Type extends TokenType = 'user'> = {
  /** The token's `sub` as text; null in a token of type `app`, which names no user. */
  userId: Type extends 'app' ? null : string
  /** The profile that the token's issuer vouches for. */
  user: Profile | undefined
  /** The token's own id, its `jti`; null if it has none. */
  tokenId: string | null
  /** Unix time in milliseconds, or null if the token doesn't say. */
  issuedAt: number | null
  /** Unix time in milliseconds from which on the token is refused; null if it doesn't expire. */
  expiresAt: number | null
}

/**
 * The result of verifying a token. `unavailable` says nothing about the token: the key set can't be fetched now, so try again later, after
 * `retryAfter` milliseconds if that is set. `why` is a sentence for a log or a developer, and has no part of the token.
 */
export type TokenResult<Type extends TokenType = 'user'> =
  | { ok: true; claims: TokenClaims<Type> }
  | { ok: false; code: 'unauthenticated' | 'token-expired' | 'unavailable'; why: string; retryAfter?: number }

/** Milliseconds that an issuer's clock may be ahead of the verifier's. */
export const LEEWAY = 30_000

export const refuse = (
  why: string,
  code: 'unauthenticated' | 'token-expired' | 'unavailable' = 'unauthenticated',
) => ({ ok: false, code, why }) as const

/** Reads a date in seconds (RFC 7519, 2), which may have a fraction. Returns null if there is none, undefined if the value is no date. */
const readDate = (value: unknown): number | null | undefined => {
  if (value === undefined) return null
  if (typeof value !== 'number') return undefined
  const time = Math.round(value * 1000)
  return isTimestamp(time) ? time : undefined
}

/** Validates the claims of a token whose signature is verified. */
export const validateClaims = (
  claims: JsonObject,
  wanted: { appId: string; tokenType: TokenType; requireExpiry: boolean; now: number },
): TokenResult<TokenType> => {
  const { tokenType, iss, sub, user } = claims
  if (tokenType !== wanted.tokenType) return refuse(`The token's 'tokenType' is not '${wanted.tokenType}'.`)
  if (iss !== wanted.appId) return refuse("The token's 'iss' is not this app's id.")

  if (
    [claims['iat'], claims['nbf'], claims['exp']].some(
      (date) => typeof date === 'number' && isInMilliseconds(date),
    )
  )
    return refuse("One of the token's 'iat', 'nbf' and 'exp' is in milliseconds: give seconds.")
  const issuedAt = readDate(claims['iat'])
  const notBefore = readDate(claims['nbf'])
  const expiresAt = readDate(claims['exp'])
  if (issuedAt === undefined || notBefore === undefined || expiresAt === undefined)
    return refuse("One of the token's 'iat', 'nbf' and 'exp' is not a number of seconds since 1970.")
  // Each comparison states what must be true, so that no date is good if the clock returns NaN.
  const hasBegun = (time: number | null): boolean => time === null || time <= wanted.now + LEEWAY
  if (!hasBegun(issuedAt) || !hasBegun(notBefore))
    return refuse("The token's 'iat' or 'nbf' is more than 30 s ahead: compare the clocks.")
  if (expiresAt === null && wanted.requireExpiry) return refuse("The token has no 'exp', and must have one.")
  if (expiresAt !== null && !(wanted.now < expiresAt))
    return refuse('The token has expired.', 'token-expired')

  const { jti } = claims
  const tokenId = typeof jti === 'string' && jti !== '' ? jti : null
  if (tokenType === 'app')
    return { ok: true, claims: { userId: null, user: undefined, tokenId, issuedAt, expiresAt } }
  const userId = readUserId(sub)
  if (userId === undefined) return refuse(`The token's 'sub' must be ${USER_ID_RULE}.`)
  if (tokenType === 'user' && isGuestId(userId)) return refuse("The token's 'sub' is a guest's id.")
  const vouched = user === undefined ? undefined : parseProfile(user)
  if (user !== undefined && !vouched)
    return refuse(`The token's 'user' is not a profile: ${profileProblem(user)}.`)
  return { ok: true, claims: { userId, user: vouched, tokenId, issuedAt, expiresAt } }
}
