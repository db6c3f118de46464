/** What the typings use of this room and the package does not publish. */
export type { ReactiveElement } from './lit/base.js'
