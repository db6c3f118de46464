import { isGuestId } from '../protocol/index.js'
import { createMacCheck, utf8, type Hmac } from './hmac.js'
import { readUserId } from './ids.js'

export type SignatureRules = {
  /** Any of them verifies, so that they can be rotated. Empty ones never do. */
  secrets: readonly string[]
  /** HMAC-SHA256 of the host, used in place of Web Crypto's; called once a secret until one verifies. */
  hmac?: Hmac | undefined
}

/** Answers whether a signature is that user's. Never rejects for what is in either. */
export type SignatureVerifier = (userId: string | number, signature: string) => Promise<boolean>

const bytesOf = (signature: unknown): Uint8Array | undefined =>
  typeof signature === 'string' && /^[0-9a-f]{64}$/i.test(signature)
    ? Uint8Array.from({ length: 32 }, (_, index) => parseInt(signature.slice(index * 2, index * 2 + 2), 16))
    : undefined

/**
 * Makes a function that verifies signatures; keys are imported once and kept as long as the function is. A guest's id has
 * no good signature.
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
