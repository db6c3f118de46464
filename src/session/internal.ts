/** What the element and the playground use of this room, and the package does not publish. */
export { isRevivable } from '../protocol/index.js'
export { errorMessageOf } from './error-message.js'
export { sessionUrl } from './transport.js'
export { unverifiedSubject } from './unverified-subject.js'
