/** Exports for the gateway. The package does not publish them. */
export { newTokenId, signToken } from './sign-token.js'
export { createDirectTokenVerifier, type DirectTokenVerifier } from './create-token-verifier.js'
export { chain, type MaybePromise } from './maybe-promise.js'
export { createMacCheck } from './hmac.js'
export { publicKeyAlgorithms, verifyWithKeySet } from './key-set.js'
export { LEEWAY } from './claims.js'
export { parseToken, type ParsedToken } from './parse-token.js'
export { isInMilliseconds, isTimestamp } from './timestamp.js'
