import { createHmac } from 'node:crypto'
import { createRemoteJWKSet } from 'jose'
import {
  createSignatureVerifier,
  createTokenVerifier,
  type SignatureVerifier,
  type TokenVerifier,
} from '../../tokens/index.js'
import { signToken } from '../../tokens/internal.js'
import type { AppSettings } from '../config/parse.js'

/** An app as the gateway runs it: its rules, and its keys made ready. */
export interface App {
  readonly settings: AppSettings
  /** Checks a token of the app's backend. */
  readonly verifyToken: TokenVerifier
  /** Checks a token that a gateway gave out itself. */
  readonly verifyOwnToken: TokenVerifier<'gateway'>
  readonly verifySignature: SignatureVerifier
  /** Signs a token for a user whom the gateway itself has let in; `expiresIn` in seconds, null for ever. */
  signOwnToken(userId: string, expiresIn: number | null): Promise<string>
}

/** Synchronous HMAC is several times as fast as Web Crypto's, which hops threads for a few hundred bytes. */
const hmac = (secret: string, data: Uint8Array): Uint8Array =>
  createHmac('sha256', secret).update(data).digest()

/** `ownKey` is the engine's: all gateways on it take each other's tokens, and no secret of an app signs them. */
export const createApp = (settings: AppSettings, ownKey: Uint8Array): App => {
  const { appId, secrets, signatureSecrets, jwks, requireExpiry } = settings
  const ownSecret = Buffer.from(ownKey).toString('base64url')
  return {
    settings,
    verifyToken: createTokenVerifier({
      appId,
      secrets,
      keySet: jwks
        ? { algorithms: jwks.algorithms, resolve: createRemoteJWKSet(new URL(jwks.url)) }
        : undefined,
      requireExpiry,
      hmac,
    }),
    // A guest's token has no `exp`: there is nobody who could renew it.
    verifyOwnToken: createTokenVerifier({
      appId,
      secrets: [ownSecret],
      tokenType: 'gateway',
      requireExpiry: false,
      hmac,
    }),
    verifySignature: createSignatureVerifier({ secrets: signatureSecrets, hmac }),
    signOwnToken: (userId, expiresIn) =>
      signToken({ tokenType: 'gateway', appId, userId, secret: ownSecret, expiresIn, hmac }),
  }
}
