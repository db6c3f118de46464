import {
  createSignatureVerifier,
  createTokenVerifier,
  type Hmac,
  type KeySet,
  type SignatureVerifier,
  type TokenVerifier,
} from '../../tokens/index.js'
import type { AuthMethod, Credential } from '../../engine/index.js'
import { createHmacSha256 } from '../../util/hmac-sha256.js'
import type { JsonObject, Profile } from '../../protocol/index.js'
import { newTokenId, signToken } from '../../tokens/internal.js'
import type { AppSettings } from '../config/parse.js'
import { createConcurrencyLimit, type ConcurrencyLimit } from '../limits/concurrency-limit.js'
import { createRateLimiter, type RateLimiter } from '../limits/rate-limiter.js'
import { createAppPush, type AppPush } from './vapid.js'

/**
 * In place of a token a page can start with auth params, which the app's backend checks. For each app this many of these checks run at
 * once. More could overload the backend.
 */
const MAX_AUTHENTICATIONS = 100
/** For each app, how many further starts may wait for a check, of all addresses together. They wait no longer than `startTimeout`. */
const MAX_WAITING_AUTHENTICATIONS = 1_000

/** An app of the config, ready to verify tokens. Sessions keep this object for as long as they last, even when the config is reloaded. */
export interface App {
  /** The app's rules. Read them for each decision: `update` replaces them. */
  readonly settings: AppSettings
  /** Null if the app's config has no `push`. */
  readonly push: AppPush | null
  /** Replaces the app's rules and keys. From then on credentials are verified with the new keys. */
  update(settings: AppSettings, keySet: KeySet | undefined): void
  /** Verifies a token that the app's backend signed. */
  readonly verifyToken: TokenVerifier
  /** Verifies a token that the app's backend signed for its own calls of the REST API. */
  readonly verifyAppToken: TokenVerifier<'app'>
  /** Verifies a token that a gateway signed. */
  readonly verifyOwnToken: TokenVerifier<'gateway'>
  readonly verifySignature: SignatureVerifier
  /** Limits the checks of auth params. */
  readonly authentications: ConcurrencyLimit
  /** Counts the frames of the app's users, by user id. */
  readonly userRates: RateLimiter
  /** Signs a token for a user who started with auth params or as a guest. `more` has further claims of the token, `user` is its profile. */
  signOwnToken(userId: string, credential: OwnCredential, more?: JsonObject, user?: Profile): Promise<string>
}

/** A credential that a gateway signs a token for. */
type OwnCredential = Credential & { tokenId: string; issuedAt: number }

export const newOwnCredential = (
  authMethod: AuthMethod,
  issuedAt: number,
  expiresAt: number | null,
): OwnCredential => ({
  authMethod,
  tokenId: newTokenId(),
  issuedAt,
  expiresAt,
})

/** Uses Node's own HMAC. For a few hundred bytes Web Crypto takes several times as long, because it computes in another thread. */
const createHmac = (secrets: readonly string[]): Hmac => {
  const hmacs = new Map(secrets.map((secret) => [secret, createHmacSha256(secret)]))
  return (secret, data) => (hmacs.get(secret) ?? createHmacSha256(secret))(data)
}

/** The parts of an app that its config decides. */
const createRules = (
  settings: AppSettings,
  keySet: KeySet | undefined,
  ownKey: Uint8Array,
): Pick<App, 'settings' | 'push' | 'verifyToken' | 'verifyAppToken' | 'verifySignature'> => {
  const { appId, secrets, signatureSecrets, requireExpiry } = settings
  const hmac = createHmac([...secrets, ...signatureSecrets])
  return {
    settings,
    push: createAppPush(settings, ownKey),
    verifyToken: createTokenVerifier({ appId, secrets, keySet, requireExpiry, hmac }),
    verifyAppToken: createTokenVerifier({ appId, secrets, tokenType: 'app', hmac }),
    verifySignature: createSignatureVerifier({ secrets: signatureSecrets, hmac }),
  }
}

/**
 * `ownKey` is the engine's key. It signs the tokens that gateways give to clients, so that all gateways on one engine accept each other's
 * tokens.
 */
export const createApp = (settings: AppSettings, ownKey: Uint8Array, keySet?: KeySet): App => {
  const { appId } = settings
  const ownSecret = Buffer.from(ownKey).toString('base64url')
  const hmac = createHmac([ownSecret])
  let rules = createRules(settings, keySet, ownKey)
  return {
    get settings() {
      return rules.settings
    },
    get push() {
      return rules.push
    },
    update(nextSettings, nextKeySet) {
      rules = createRules(nextSettings, nextKeySet, ownKey)
    },
    verifyToken: (token) => rules.verifyToken(token),
    verifyAppToken: (token) => rules.verifyAppToken(token),
    verifySignature: (userId, signature) => rules.verifySignature(userId, signature),
    // A guest's token has no `exp`, since no backend could renew it.
    verifyOwnToken: createTokenVerifier({
      appId,
      secrets: [ownSecret],
      tokenType: 'gateway',
      requireExpiry: false,
      hmac,
    }),
    authentications: createConcurrencyLimit(MAX_AUTHENTICATIONS, MAX_WAITING_AUTHENTICATIONS),
    userRates: createRateLimiter(),
    signOwnToken: (userId, { tokenId, issuedAt, expiresAt }, more, user) =>
      signToken({
        tokenType: 'gateway',
        appId,
        userId,
        secret: ownSecret,
        expiresIn: expiresAt === null ? null : (expiresAt - issuedAt) / 1000,
        tokenId,
        issuedAt,
        more,
        user,
        hmac,
      }),
  }
}
