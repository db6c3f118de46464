/** Exports for the playground and the typings of frameworks. The package does not publish them. */
import { profileAttributes } from './attributes.js'
import { ChatSessionElement } from './chat-session.js'
import { eventClasses, type CustomEventMap, type ElementEventMap } from './event-map.js'

export type { ReactiveElement } from './lit/base.js'
export type { ElementEventMap } from './event-map.js'
export type { Kebab } from './attributes.js'
export { profileAttributes } from './attributes.js'

const customEvents = Object.keys(eventClasses) as (keyof CustomEventMap)[]

/** The names of the element's events. */
export const elementEvents: readonly (keyof ElementEventMap)[] = [...customEvents, 'session-token-needed']

const attributes = (): { attribute: string; property: string }[] => [
  ...Object.entries(ChatSessionElement.properties).flatMap(([property, { attribute = property }]) =>
    typeof attribute === 'string' ? [{ attribute, property }] : [],
  ),
  ...Object.keys(profileAttributes).map((attribute) => ({ attribute, property: 'user' })),
]

/** The element's attributes, with the property that each of them sets. */
export const elementAttributes: readonly { attribute: string; property: string }[] =
  /* @__PURE__ */ attributes()
