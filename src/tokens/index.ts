export type { TokenClaims, TokenResult, TokenType } from './claims.js'
export { createAppToken, type AppTokenOptions } from './create-app-token.js'
export { createSignature } from './create-signature.js'
export {
  createSignatureVerifier,
  type SignatureRules,
  type SignatureVerifier,
} from './create-signature-verifier.js'
export { createToken, type TokenOptions } from './create-token.js'
export { createTokenVerifier, type TokenRules, type TokenVerifier } from './create-token-verifier.js'
export type { Hmac } from './hmac.js'
export type { KeySet, KeySetAlgorithm } from './key-set.js'
export { TokenError, type TokenErrorCode } from './token-error.js'
export { verifySignature } from './verify-signature.js'
export { verifyToken } from './verify-token.js'
export type { Profile } from '../protocol/index.js'
