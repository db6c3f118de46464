import { createSignatureVerifier } from './create-signature-verifier.js'

/**
 * Verifies one signature with any of the secrets. To verify many signatures, use `createSignatureVerifier`, which turns the secrets into
 * keys only once.
 *
 * ```js
 * import { createSignature, verifySignature } from 'chat-session/tokens'
 *
 * const secret = 'a secret that signs no tokens...'
 * console.log(await verifySignature('12345', await createSignature('12345', secret), [secret])) // true
 * ```
 */
export const verifySignature = async (
  userId: string | number,
  signature: string,
  secrets: readonly string[],
): Promise<boolean> => createSignatureVerifier({ secrets })(userId, signature)
