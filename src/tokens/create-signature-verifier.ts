import { isGuestId } from '../protocol/index.js'
import { createMacCheck, utf8, type Hmac } from './hmac.js'
import { readUserId } from './ids.js'

export type SignatureRules = {
  /** The secrets of signatures. A signature is good if any of them made it, so secrets can be rotated. An empty secret verifies nothing. */
  secrets: readonly string[]
  /** The runtime's own HMAC-SHA256, used instead of Web Crypto's. Called once per secret until one verifies. */
  hmac?: Hmac | undefined
}

/** Returns whether `signature` is the user's. Never rejects for bad input. */
export type SignatureVerifier = (userId: string | number, signature: string) => Promise<boolean>

const bytesOf = (signature: unknown): Uint8Array | undefined =>
  typeof signature === 'string' && /^[0-9a-f]{64}$/i.test(signature)
    ? Uint8Array.from({ length: 32 }, (_, index) => parseInt(signature.slice(index * 2, index * 2 + 2), 16))
    : undefined

/**
 * Makes a function that verifies signatures. The function turns the secrets into keys only once. A guest's id has no valid signature.
 *
 * ```js
 * import { createSignature, createSignatureVerifier } from 'chat-session/tokens'
 *
 * const secret = 'a secret that signs no tokens...'
 * const verify = createSignatureVerifier({ secrets: [secret] })
 * console.log(await verify('12345', await createSignature('12345', secret))) // true
 * ```
 */
export const createSignatureVerifier = ({ secrets, hmac }: SignatureRules): SignatureVerifier => {
  const checkMac = createMacCheck(secrets, hmac)
  return async (id, signature) => {
    const userId = readUserId(id)
    const mac = bytesOf(signature)
    return userId !== undefined && !isGuestId(userId) && mac !== undefined && checkMac(utf8(userId), mac)
  }
}
