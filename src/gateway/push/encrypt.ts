import { createCipheriv, createECDH, hkdfSync, randomBytes, type ECDH } from 'node:crypto'
import type { PushSubscriptionData } from '../../engine/index.js'

/** The bytes that every push service must accept (RFC 8030, 7.2), less those that the encryption adds. */
export const MAX_PLAINTEXT = 3_993
/** The size of a record (RFC 8188). A push has one record, which is smaller. */
const RECORD_SIZE = 4_096
const DELIMITER_OF_THE_LAST_RECORD = 2

/** The random parts of an encryption. A test passes those of the example in RFC 8291. */
interface Ephemeral {
  salt: Uint8Array
  /** The sender's key pair. */
  sender: ECDH
}

const newEphemeral = (): Ephemeral => {
  const sender = createECDH('prime256v1')
  sender.generateKeys()
  return { salt: randomBytes(16), sender }
}

/** HKDF-SHA256 (RFC 5869). */
const hkdf = (secret: Uint8Array, salt: Uint8Array, info: Uint8Array | string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, info, bytes))

/**
 * Returns the body of a push: the text, encrypted for a subscription (RFC 8291, RFC 8188). Throws if the subscription's key is no point on
 * the curve.
 *
 * These 60 lines replace a package for Web Push, because with none of them the caller can check the address that a push is sent to.
 * `web-push` 3.6.7 (2024) sends by itself, and brings five dependencies. `@block65/webcrypto-web-push`, `webpush-webcrypto` and
 * `@pushforge/builder` make a request for `fetch`.
 */
export const encryptPush = (
  text: string,
  { p256dh, auth }: PushSubscriptionData['keys'],
  { salt, sender }: Ephemeral = newEphemeral(),
): Buffer => {
  const receiverKey = Buffer.from(p256dh, 'base64url')
  const senderKey = sender.getPublicKey()
  const shared = hkdf(
    sender.computeSecret(receiverKey),
    Buffer.from(auth, 'base64url'),
    Buffer.concat([Buffer.from('WebPush: info\0'), receiverKey, senderKey]),
    32,
  )
  const key = hkdf(shared, salt, 'Content-Encoding: aes128gcm\0', 16)
  const nonce = hkdf(shared, salt, 'Content-Encoding: nonce\0', 12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  const sizes = Buffer.alloc(5)
  sizes.writeUInt32BE(RECORD_SIZE)
  sizes.writeUInt8(senderKey.length, 4)
  return Buffer.concat([
    ...[salt, sizes, senderKey],
    cipher.update(text),
    cipher.update(Uint8Array.of(DELIMITER_OF_THE_LAST_RECORD)),
    cipher.final(),
    cipher.getAuthTag(),
  ])
}
