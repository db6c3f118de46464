/** Exports for the element and the playground. The package does not publish them. */
export { isRevivable } from '../protocol/index.js'
export { errorMessageOf } from './error-message.js'
export { ifPossible } from './if-possible.js'
export { SessionError } from './errors.js'
export { newId } from './new-id.js'
export { page } from './runtime.js'
export { sessionUrl } from './transports/websocket.js'
export { unverifiedSubject } from './unverified-subject.js'
