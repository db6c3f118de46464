/** Exports for the playground and the typings of frameworks. The package does not publish them. */
export type { ReactiveElement } from './lit/base.js'
export type { ElementEventMap } from './events/event-map.js'
export type { Kebab } from './attributes.js'
export { profileAttributes } from './attributes.js'
