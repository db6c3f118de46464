import { ECDH } from 'node:crypto'
import type { PushSubscriptionData } from '../../engine/index.js'
import type { ClientFrameOf } from '../../protocol/index.js'

const MAX_ENDPOINT = 1_024
const POINT_BYTES = 65
const AUTH_BYTES = 16

/** Returns whether a listed name stands for every host below it. */
export const isWildcard = (listed: string): boolean => listed.startsWith('*.')

/** Returns the name in a list that allows a host: the host's own name, or else one that stands for every host below it. */
export const listedName = (hosts: readonly string[], host: string): string | undefined =>
  hosts.find((listed) => listed === host) ??
  hosts.find((listed) => isWildcard(listed) && host.endsWith(listed.slice(1)))

/** Returns the URL of an endpoint at a listed push service; undefined for any other text. */
export const endpointUrl = (endpoint: string, hosts: readonly string[]): URL | undefined => {
  if (endpoint.length > MAX_ENDPOINT || !URL.canParse(endpoint)) return undefined
  const url = new URL(endpoint)
  const { protocol, port, hostname, origin, pathname, search } = url
  // A device is known by the text of its endpoint: the same endpoint in another spelling would be another device. So only one spelling is
  // accepted.
  const isPlain = `${origin}${pathname}${search}` === endpoint
  return protocol === 'https:' && !port && isPlain && listedName(hosts, hostname) ? url : undefined
}

/** Returns the bytes of a text in base64url without padding; undefined for any other text. */
const decode = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

const isPoint = (key: Buffer | undefined): boolean => {
  if (key?.length !== POINT_BYTES || key[0] !== 4) return false
  try {
    ECDH.convertKey(key, 'prime256v1')
    return true
  } catch {
    // OpenSSL throws if the point is not on the curve.
    return false
  }
}

const BAD_ENDPOINT =
  "A subscription's endpoint is an https URL as browsers write it, without user, port and fragment, of 1,024 characters at most, at a host of the app's 'push.hosts'."
const BAD_KEYS =
  "A subscription's keys are in base64url: 'p256dh' is a point of the curve P-256, uncompressed, and 'auth' has 16 bytes."

/** Returns a subscription as the engine stores it, or a sentence that says why it is refused. */
export const checkSubscription = (
  {
    endpoint,
    expirationTime = null,
    keys: { p256dh, auth },
  }: NonNullable<ClientFrameOf<'push'>['subscription']>,
  hosts: readonly string[],
): PushSubscriptionData | string => {
  if (!endpointUrl(endpoint, hosts)) return BAD_ENDPOINT
  if (!isPoint(decode(p256dh)) || decode(auth)?.length !== AUTH_BYTES) return BAD_KEYS
  return { endpoint, expirationTime, keys: { p256dh, auth } }
}
