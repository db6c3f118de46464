import { createHmac } from 'node:crypto'
import { createSignatureVerifier, type KeySet, type SignatureVerifier } from '../../tokens/index.js'
import type { JsonObject } from '../../protocol/index.js'
import { createDirectTokenVerifier, signToken, type DirectTokenVerifier } from '../../tokens/internal.js'
import type { AppSettings } from '../config/parse.js'
import { createConcurrencyLimit, type ConcurrencyLimit } from '../limits/concurrency-limit.js'

/** How many calls of an app's `authenticate` run at once. More of them could overload the app's backend. */
const MAX_AUTHENTICATIONS = 100
/** How many calls wait for one of these to end. Their starts have a deadline. */
const MAX_WAITING_AUTHENTICATIONS = 1_000

/** An app of the config with its keys imported. */
export interface App {
  readonly settings: AppSettings
  /** Verifies a token that the app's backend signed. */
  readonly verifyToken: DirectTokenVerifier
  /** Verifies a token that a gateway signed. */
  readonly verifyOwnToken: DirectTokenVerifier<'gateway'>
  readonly verifySignature: SignatureVerifier
  /** Limits the calls of `authenticate`. */
  readonly authentications: ConcurrencyLimit
  /**
   * Signs a token for a user who started with auth params or as a guest. `expiresIn` in seconds; null for a token without `exp`. `more`
   * are private claims.
   */
  signOwnToken(userId: string, expiresIn: number | null, more?: JsonObject): Promise<string>
}

/** Node's own HMAC: for a few hundred bytes Web Crypto takes several times as long, since it changes threads. */
const hmac = (secret: string, data: Uint8Array): Uint8Array =>
  createHmac('sha256', secret).update(data).digest()

/** `ownKey` is the engine's key, so that all gateways on one engine accept each other's tokens. No secret of an app signs them. */
export const createApp = (settings: AppSettings, ownKey: Uint8Array, keySet?: KeySet): App => {
  const { appId, secrets, signatureSecrets, requireExpiry } = settings
  const ownSecret = Buffer.from(ownKey).toString('base64url')
  return {
    settings,
    verifyToken: createDirectTokenVerifier({
      appId,
      secrets,
      keySet,
      requireExpiry,
      hmac,
    }),
    // A guest's token has no `exp`, since no backend could renew it.
    verifyOwnToken: createDirectTokenVerifier({
      appId,
      secrets: [ownSecret],
      tokenType: 'gateway',
      requireExpiry: false,
      hmac,
    }),
    authentications: createConcurrencyLimit(MAX_AUTHENTICATIONS, MAX_WAITING_AUTHENTICATIONS),
    verifySignature: createSignatureVerifier({ secrets: signatureSecrets, hmac }),
    signOwnToken: (userId, expiresIn, more) =>
      signToken({ tokenType: 'gateway', appId, userId, secret: ownSecret, expiresIn, more, hmac }),
  }
}
