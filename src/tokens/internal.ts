/** Exports for the gateway. The package does not publish them. */
export { signToken } from './sign-token.js'
