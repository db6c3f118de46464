import type { CryptoKey } from 'jose'
import { TokenError } from './token-error.js'

/** The runtime's own HMAC-SHA256, for a runtime in which it is faster than Web Crypto's. Returns 32 bytes. */
export type Hmac<Secret = string> = (secret: Secret, data: Uint8Array) => Uint8Array

const encoder = new TextEncoder()

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)

/** Returns a secret without the line break at its end. `echo`, editors and Kubernetes add one, and it is no part of the secret. */
export const withoutLineBreak = (secret: string): string => secret.replace(/(?:\r\n|\n|\r)$/, '')

const trim = <Secret>(secret: Secret): Secret =>
  typeof secret === 'string' ? (withoutLineBreak(secret) as Secret & string) : secret

/**
 * Returns whether `secret` is usable as a key. HMAC pads a short key with zeros (RFC 2104, 2), so a secret of nothing but zeros is the same
 * as the empty key, which everyone knows.
 */
const isSecret = (secret: unknown): secret is string | Uint8Array =>
  secret instanceof Uint8Array
    ? secret.some((byte) => byte !== 0)
    : typeof secret === 'string' && secret.replaceAll('\0', '') !== ''

/** Returns the secrets that are usable as keys. */
export const usableSecrets = <Secret>(secrets: readonly Secret[]): Secret[] => secrets.filter(isSecret)

const importKey = (secret: string | Uint8Array, use: 'sign' | 'verify'): Promise<CryptoKey> =>
  crypto.subtle.importKey(
    'raw',
    typeof secret === 'string' ? utf8(secret) : secret,
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    [use],
  )

/** Returns the HMAC-SHA256 of `data`. Rejects with a `TokenError` of code `bad-secret` if the secret is empty or has only zeros. */
export const createMac = async <Secret extends string | Uint8Array>(
  secret: Secret,
  data: Uint8Array,
  hmac?: Hmac<Secret>,
): Promise<Uint8Array> => {
  const trimmed = trim(secret)
  if (!isSecret(trimmed)) throw new TokenError('bad-secret')
  if (hmac) return hmac(trimmed, data)
  return new Uint8Array(await crypto.subtle.sign('HMAC', await importKey(trimmed, 'sign'), data))
}

/** Compares two byte arrays in a time that doesn't depend on where they differ. The length is no secret. */
const timingSafeEqual = (left: Uint8Array, right: Uint8Array): boolean => {
  if (left.length !== right.length) return false
  let difference = 0
  // A loop over `entries()` would make an array for each byte.
  for (let index = 0; index < left.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0)
  return difference === 0
}

/** Returns whether `mac` is the HMAC-SHA256 of `data` under one of the check's secrets. */
type MacCheck = (data: Uint8Array, mac: Uint8Array) => boolean | Promise<boolean>

/** Makes a check for `secrets`. Without `hmac` the check imports the keys when it is first called. */
export const createMacCheck = <Secret extends string | Uint8Array>(
  secrets: readonly Secret[],
  hmac?: Hmac<Secret>,
): MacCheck => {
  const usable = usableSecrets(secrets.map(trim))
  if (hmac) return (data, mac) => usable.some((secret) => timingSafeEqual(hmac(secret, data), mac))
  let keys: Promise<CryptoKey[]> | undefined
  return async (data, mac) => {
    keys ??= Promise.all(usable.map((secret) => importKey(secret, 'verify')))
    for (const key of await keys) if (await crypto.subtle.verify('HMAC', key, mac, data)) return true
    return false
  }
}
