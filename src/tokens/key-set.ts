import { compactVerify, type JWTVerifyGetKey } from 'jose'
import type { ParsedToken } from './parse-token.js'

const asymmetric = ['RS256', 'ES256', 'EdDSA'] as const

/** The algorithms that a key set may have: those that verify with a public key. */
export type KeySetAlgorithm = (typeof asymmetric)[number]

/** The public keys of an app's backend, and the algorithms that it signs with. */
export type KeySet = {
  /** The accepted algorithms. A token's own `alg` only chooses among them. */
  algorithms: readonly KeySetAlgorithm[]
  /**
   * Returns the key for a token's header, as `createLocalJWKSet` and `createRemoteJWKSet` of `jose` do. Rejects with jose's
   * `JWKSNoMatchingKey` for a key that the set doesn't have, and with `JWKSMultipleMatchingKeys` if several keys match. Any other rejection
   * means that the set can't be fetched now. If its error has a number `retryAfter` (milliseconds), the token's result has that number,
   * too.
   */
  resolve: JWTVerifyGetKey
}

type Key = Awaited<ReturnType<JWTVerifyGetKey>>

/** The keys that could verify a token can't be fetched now. That says nothing about the token. */
interface KeySetOutage {
  /** Milliseconds after which the keys can be fetched, if the set knows. */
  retryAfter: number | undefined
}

type KeySetResult = 'good' | 'bad' | KeySetOutage

/**
 * Returns the set's algorithms without `HS256`, which a caller without types could pass. Everyone knows a public key, so it must not be the
 * secret of a MAC.
 */
export const publicKeyAlgorithms = ({ algorithms }: KeySet): KeySetAlgorithm[] =>
  asymmetric.filter((algorithm) => algorithms.includes(algorithm))

const verifies = async ({ text, header }: ParsedToken, key: Key): Promise<boolean> => {
  try {
    await compactVerify(text, key, { algorithms: [header.alg] })
    return true
  } catch {
    // The signature is wrong, or the key does not fit the algorithm. In both cases this key does not verify the token.
    return false
  }
}

/** Returns the code of an error. `instanceof` could fail, because the set may come from another copy of jose. */
const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

const outageOf = (error: unknown): KeySetOutage => {
  const retryAfter = error instanceof Error && 'retryAfter' in error ? error.retryAfter : undefined
  return { retryAfter: typeof retryAfter === 'number' ? retryAfter : undefined }
}

export const verifyWithKeySet = async (token: ParsedToken, { resolve }: KeySet): Promise<KeySetResult> => {
  const [protectedPart = '', payload = '', signature = ''] = token.text.split('.')
  let candidates: Iterable<Key> | AsyncIterable<Key>
  try {
    candidates = [await resolve(token.header, { protected: protectedPart, payload, signature })]
  } catch (error) {
    if (codeOf(error) === 'ERR_JWKS_NO_MATCHING_KEY') return 'bad'
    if (codeOf(error) !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') return outageOf(error)
    // If several keys match a token without `kid`, jose leaves it to the caller to try each of them.
    candidates = error as AsyncIterable<Key>
  }
  for await (const key of candidates) if (await verifies(token, key)) return 'good'
  return 'bad'
}
