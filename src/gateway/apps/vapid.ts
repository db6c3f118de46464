import { createECDH, createHmac, hkdfSync } from 'node:crypto'
import { SignJWT, type JWK } from 'jose'
import { LRUCache } from 'lru-cache'
import type { AppSettings } from '../config/parse.js'

/** What an app needs to push to devices (RFC 8292). */
export interface AppPush {
  readonly settings: NonNullable<AppSettings['push']>
  /** The key that browsers subscribe with, in base64url. */
  readonly publicKey: string
  /** Resolves with the `Authorization` header for a push service of this origin. The header proves that the app sends the push. */
  authorization(origin: string): Promise<string>
  /**
   * Returns the `Topic` of pushes about one sender's messages. While a device is off, its push service keeps only the newest push of each
   * topic. The topic is a keyed hash, so that it tells the push service nothing.
   */
  topic(userId: string, from: string | null): string
}

/** The order of the curve P-256. A private key is a number from 1 up to, but not including, the order. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
/**
 * The gateway derives a private key from a number of this many bytes: it divides the number by `ORDER - 1`, and adds 1 to the remainder.
 * The number has 16 bytes more than `ORDER`, so that all keys are almost equally likely (FIPS 186-5, A.2.1).
 */
const WIDE_BYTES = 48

/** The seconds for which a push service accepts a header, and the milliseconds for which the gateway uses it. RFC 8292 allows 24 hours. */
const VALID_FOR = 43_200
const USED_FOR = 14_400_000
/** For how many origins a header is kept. Some services have an origin for each data centre. */
const MAX_ORIGINS = 1_000

const derive = (key: Uint8Array, use: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `chat-session ${use}`, bytes))

/** Returns an app's private key. All gateways on one engine derive the same key. */
const deriveScalar = (ownKey: Uint8Array, appId: string): Buffer => {
  const wide = derive(ownKey, `push key ${appId}`, WIDE_BYTES)
  const scalar = (BigInt(`0x${wide.toString('hex')}`) % (ORDER - 1n)) + 1n
  return Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex')
}

/** Returns what an app needs to push; null if its config has no `push`. `ownKey` is the engine's key. */
export const createAppPush = ({ appId, push: settings }: AppSettings, ownKey: Uint8Array): AppPush | null => {
  if (!settings) return null
  const scalar = settings.privateKey ?? deriveScalar(ownKey, appId)
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(scalar)
  const point = curve.getPublicKey()
  const publicKey = point.toString('base64url')
  const jwk: JWK = {
    ...{ kty: 'EC', crv: 'P-256', alg: 'ES256', d: Buffer.from(scalar).toString('base64url') },
    ...{ x: point.toString('base64url', 1, 33), y: point.toString('base64url', 33) },
  }
  const topicKey = derive(ownKey, `push topic ${appId}`, 32)
  const headers = new LRUCache<string, { header: Promise<string>; signedAt: number }>({ max: MAX_ORIGINS })

  const sign = async (origin: string): Promise<string> => {
    const token = await new SignJWT()
      .setProtectedHeader({ typ: 'JWT', alg: 'ES256' })
      .setAudience(origin)
      .setSubject(settings.subject)
      .setExpirationTime(Math.floor(Date.now() / 1_000) + VALID_FOR)
      .sign(jwk)
    return `vapid t=${token}, k=${publicKey}`
  }

  return {
    settings,
    publicKey,
    authorization(origin) {
      const known = headers.get(origin)
      const signedAt = Date.now()
      // Push services refuse a header whose expiry is more than 24 hours ahead of their clocks. So the header is also made again if this
      // machine's clock went back by `USED_FOR`.
      if (known && Math.abs(signedAt - known.signedAt) < USED_FOR) return known.header
      const header = sign(origin)
      headers.set(origin, { header, signedAt })
      return header
    },
    topic: (userId, from) =>
      createHmac('sha256', topicKey)
        .update(JSON.stringify([userId, from]))
        .digest('base64url')
        .slice(0, 32),
  }
}
