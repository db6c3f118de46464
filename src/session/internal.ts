/** What the element and the playground use of this room and the package does not publish. */
export { isRevivable } from '../protocol/index.js'
export { sentenceOf } from './error-message.js'
export { subjectOf } from './unverified-subject.js'
