/** What the gateway uses of this room and no backend needs. */
export { signToken } from './sign-token.js'
