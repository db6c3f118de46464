import { compactVerify, type JWTVerifyGetKey } from 'jose'
import type { ParsedToken } from './parse-token.js'

const asymmetric = ['RS256', 'ES256', 'EdDSA'] as const

/** The algorithms that a key set may verify: those whose verifying key is public. */
export type KeySetAlgorithm = (typeof asymmetric)[number]

/** Public keys that an app's backend signs with, and the algorithms it signs by. */
export type KeySet = {
  /** Which algorithms are accepted; a token's own `alg` only picks among them. */
  algorithms: readonly KeySetAlgorithm[]
  /**
   * The key for a token's header: what `createLocalJWKSet` or `createRemoteJWKSet` of `jose` make. Rejects with
   * jose's `JWKSNoMatchingKey` for a key that the set doesn't have; any other rejection means the set can't be had now.
   */
  resolve: JWTVerifyGetKey
}

type Key = Awaited<ReturnType<JWTVerifyGetKey>>

/** `unavailable` says nothing about the token: the keys that could verify it can't be had now. */
export type KeySetVerdict = 'good' | 'bad' | 'unavailable'

/** Without those that only a caller without types can ask for: a MAC under public bytes is anybody's. */
export const publicKeyAlgorithms = ({ algorithms }: KeySet): KeySetAlgorithm[] =>
  asymmetric.filter((algorithm) => algorithms.includes(algorithm))

const verifies = async ({ text, header }: ParsedToken, key: Key): Promise<boolean> => {
  try {
    await compactVerify(text, key, { algorithms: [header.alg] })
    return true
  } catch {
    // A wrong signature, or a key that is no key for this algorithm: in either case not this one.
    return false
  }
}

/** By its code, as the set may come from another copy of jose. */
const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

export const verifyWithKeySet = async (token: ParsedToken, { resolve }: KeySet): Promise<KeySetVerdict> => {
  const [protectedPart = '', payload = '', signature = ''] = token.text.split('.')
  let candidates: Iterable<Key> | AsyncIterable<Key>
  try {
    candidates = [await resolve(token.header, { protected: protectedPart, payload, signature })]
  } catch (error) {
    if (codeOf(error) === 'ERR_JWKS_NO_MATCHING_KEY') return 'bad'
    if (codeOf(error) !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') return 'unavailable'
    // A token without `kid` while the set rotates: jose leaves it to the caller to try each key that fits.
    candidates = error as AsyncIterable<Key>
  }
  for await (const key of candidates) if (await verifies(token, key)) return 'good'
  return 'bad'
}
