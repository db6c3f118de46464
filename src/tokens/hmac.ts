import type { CryptoKey } from 'jose'
import { TokenError } from './token-error.js'

/** A host's own HMAC-SHA256, for where it is faster than Web Crypto. Answers 32 bytes. */
export type Hmac<Secret = string> = (secret: Secret, data: Uint8Array) => Uint8Array

const encoder = new TextEncoder()

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)

/**
 * HMAC fills a short key up with zeros, so a secret of nothing but zeros is the empty key, and the empty key is one that
 * everybody has.
 */
const isSecret = (secret: unknown): secret is string | Uint8Array =>
  secret instanceof Uint8Array
    ? secret.some((byte) => byte !== 0)
    : typeof secret === 'string' && secret.replaceAll('\0', '') !== ''

/** The secrets that may verify something. */
export const usableSecrets = <Secret>(secrets: readonly Secret[]): Secret[] => secrets.filter(isSecret)

const importKey = (secret: string | Uint8Array, use: 'sign' | 'verify'): Promise<CryptoKey> =>
  crypto.subtle.importKey(
    'raw',
    typeof secret === 'string' ? utf8(secret) : secret,
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    [use],
  )

/** Rejects with a `TokenError` of code `bad-secret` rather than sign with a key that everybody has. */
export const createMac = async <Secret extends string | Uint8Array>(
  secret: Secret,
  data: Uint8Array,
  hmac?: Hmac<Secret>,
): Promise<Uint8Array> => {
  if (!isSecret(secret)) throw new TokenError('bad-secret')
  if (hmac) return hmac(secret, data)
  return new Uint8Array(await crypto.subtle.sign('HMAC', await importKey(secret, 'sign'), data))
}

/** Takes the same time wherever the two differ. A length is no secret. */
const sameBytes = (left: Uint8Array, right: Uint8Array): boolean => {
  if (left.length !== right.length) return false
  let difference = 0
  for (const [index, byte] of left.entries()) difference |= byte ^ (right[index] ?? 0)
  return difference === 0
}

/** Answers whether `mac` is the HMAC-SHA256 of `data` under any of the secrets it was made for. */
export type MacCheck = (data: Uint8Array, mac: Uint8Array) => boolean | Promise<boolean>

/** Keys are imported at the first check, once, and live as long as the check does. */
export const createMacCheck = <Secret extends string | Uint8Array>(
  secrets: readonly Secret[],
  hmac?: Hmac<Secret>,
): MacCheck => {
  const usable = usableSecrets(secrets)
  if (hmac) return (data, mac) => usable.some((secret) => sameBytes(hmac(secret, data), mac))
  let keys: Promise<CryptoKey[]> | undefined
  return async (data, mac) => {
    keys ??= Promise.all(usable.map((secret) => importKey(secret, 'verify')))
    for (const key of await keys) if (await crypto.subtle.verify('HMAC', key, mac, data)) return true
    return false
  }
}
