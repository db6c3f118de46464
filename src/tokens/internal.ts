/** Exports for the gateway. The package does not publish them. */
export { readUserId } from './ids.js'
export { newTokenId, signToken } from './sign-token.js'
export { createMacCheck, withoutLineBreak } from './hmac.js'
export { publicKeyAlgorithms, verifyWithKeySet } from './key-set.js'
export { LEEWAY } from './claims.js'
export { parseToken, type ParsedToken } from './parse-token.js'
export { isInMilliseconds, isTimestamp } from './timestamp.js'
