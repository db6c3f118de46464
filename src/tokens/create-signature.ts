import { createMac, utf8 } from './hmac.js'
import { requireVouchable } from './ids.js'

/**
 * Makes a user's signature: the HMAC-SHA256 of the UTF-8 user id as 64 lowercase hex digits. It never expires, so a token
 * is better. Its secret must not sign tokens.
 *
 * Rejects with a `TokenError`: `bad-user-id`, `guest-user-id` or `bad-secret`.
 *
 * ```js
 * import { createSignature } from 'chat-session/tokens'
 *
 * const signature = await createSignature(12345, 'a secret that signs no tokens...')
 * console.log(signature.length) // 64
 * ```
 */
export const createSignature = async (userId: string | number, secret: string): Promise<string> => {
  const mac = await createMac(secret, utf8(requireVouchable(userId)))
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
