/** Exports for the gateway. The package does not publish them. */
export { signToken } from './sign-token.js'
export { createDirectTokenVerifier, type DirectTokenVerifier } from './create-token-verifier.js'
export { chain, type MaybePromise } from './maybe-promise.js'
