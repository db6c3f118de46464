/** Exports for the playground and the typings of frameworks. The package does not publish them. */
import { profileAttributes } from './attributes.js'
import { ChatSessionElement } from './chat-session.js'
import type { ElementEventMap } from './event-map.js'

export type { ReactiveElement } from './lit/base.js'
export type { ElementEventMap } from './event-map.js'
export type { Kebab } from './attributes.js'
export { profileAttributes } from './attributes.js'

const names: { readonly [K in keyof ElementEventMap]: true } = {
  'session-state': true,
  'session-started': true,
  'session-failed': true,
  'session-ended': true,
  'session-error': true,
  'session-message': true,
  'session-unread': true,
  'session-user': true,
  'session-token-needed': true,
  'session-notification': true,
  'session-notification-click': true,
}

/** The names of the element's events. An event of ElementEventMap without a row fails to compile. */
export const elementEvents = Object.keys(names) as readonly (keyof ElementEventMap)[]

const attributes = (): { attribute: string; property: string }[] => [
  ...Object.entries(ChatSessionElement.properties).flatMap(([property, { attribute = property }]) =>
    typeof attribute === 'string' ? [{ attribute, property }] : [],
  ),
  ...Object.keys(profileAttributes).map((attribute) => ({ attribute, property: 'user' })),
]

/** The element's attributes, with the property that each of them sets. */
export const elementAttributes: readonly { attribute: string; property: string }[] =
  /* @__PURE__ */ attributes()
