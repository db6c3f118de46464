import { engineRules } from '../../rules.js'

/** Returns the later of two times. Null means that there is no time. */
export const later = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b)

/**
 * Returns whether a credential is among those that were issued up to `before`. Without a `before` there is no such revocation. A credential
 * whose `issuedAt` is not known may be an old one, so it is among them.
 */
export const isIssuedUpTo = (
  issuedAt: number | null | undefined,
  before: number | null | undefined,
): boolean => before !== null && before !== undefined && (issuedAt ?? before) <= before

/**
 * Returns for how many milliseconds the revocation of a token is kept. `expiresAt` is when the token expires; `Infinity` if it never does,
 * undefined if that is unknown.
 */
export const tokenKeptFor = (expiresAt: number | undefined, now: number): number => {
  const { tokenKeptFor, tokenMargin } = engineRules
  return expiresAt === undefined ? tokenKeptFor : Math.max(expiresAt - now, 0) + tokenMargin
}
