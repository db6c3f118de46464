import { createPublicKey, type JsonWebKey } from 'node:crypto'
import * as v from 'valibot'
import { isObject, listOf, object, oneOf } from './fields.js'
import { outboundUrl } from './urls.js'

const KEY = 'must be a public key as a JSON Web Key, of type RSA, EC or OKP'

/** The fewest bits of an RSA key. With a shorter key the package jose would refuse every token, and not name the key. */
const MINIMUM_RSA_BITS = 2048

const keyProblem = (key: Record<string, unknown>): string | undefined => {
  // Key sets are published. If the config accepted a private key, nobody would notice that the private key is published, too.
  if ('d' in key || 'k' in key) return 'holds a private or symmetric key: the gateway takes public keys only'
  // The package jose can't import such a key, so each of its tokens would be refused as `unavailable`, and clients would retry for ever.
  if (Array.isArray(key['key_ops']) && key['key_ops'].some((use) => use !== 'verify'))
    return 'has key_ops besides verify: leave them out, because a public key can only verify a token'
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
    return (asymmetricKeyDetails?.modulusLength ?? MINIMUM_RSA_BITS) < MINIMUM_RSA_BITS
      ? `is too short: an RSA key has ${MINIMUM_RSA_BITS} bits or more`
      : undefined
  } catch {
    return KEY
  }
}

const publicKey = v.pipe(
  v.custom<Record<string, unknown>>(isObject, KEY),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? keyProblem(dataset.value) : undefined
    if (message !== undefined) addIssue({ message })
  }),
)

/** The signature algorithms that a JWKS may be used with (RFC 7518, RFC 8037). */
const jwksAlgorithms = ['RS256', 'ES256', 'EdDSA'] as const
type JwksAlgorithm = (typeof jwksAlgorithms)[number]

const fields = object(
  {
    /** Where the key set is. https, or http on this machine. Give either `url` or `keys`. */
    url: v.optional(outboundUrl),
    /** The public keys themselves, as JSON Web Keys. */
    keys: v.optional(listOf(publicKey, 'must be a list of one or more public keys')),
    /** The accepted algorithms, whatever algorithm a token names: `RS256`, `ES256`, `EdDSA`. At least one. */
    algorithms: listOf(
      oneOf(jwksAlgorithms),
      `must be a list of one or more of ${jwksAlgorithms.join(', ')}`,
    ),
  },
  {
    check: ({ url, keys }) => {
      if (url === undefined && keys === undefined)
        return [{ key: 'url', message: 'is missing: give the url of a key set, or its keys' }]
      return url !== undefined && keys !== undefined
        ? [{ key: 'keys', message: 'url is given too: leave one of the two out' }]
        : []
    },
  },
)

/** The public keys of an app: the URL of a key set, or the keys themselves. */
type JwksSettings = { algorithms: JwksAlgorithm[] } & (
  { url: string; keys?: undefined } | { url?: undefined; keys: JsonWebKey[] }
)

export const jwks = v.pipe(
  fields,
  v.transform(({ url, keys = [], algorithms }): JwksSettings =>
    url === undefined ? { keys, algorithms } : { url, algorithms },
  ),
)
