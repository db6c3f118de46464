/** Exports for the element and the playground. The package does not publish them. */
export { isRevivable } from '../protocol/index.js'
export { errorMessageOf } from './error-message.js'
export { ifPossible } from './if-possible.js'
export { SessionError } from './errors.js'
export { page } from './runtime.js'
export { newId } from './storage/outbox.js'
export { sessionUrl } from './transports/websocket.js'
export { unverifiedSubject } from './unverified-subject.js'
