import { ChatSessionElement } from './chat-session.js'
import type { ElementEventMap } from './events/event-map.js'
import { register } from './register.js'

register('chat-session', ChatSessionElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-session': ChatSessionElement
  }
  // The types of elements, documents and windows take their events from this interface, and the element's events bubble to all of them.
  interface GlobalEventHandlersEventMap extends ElementEventMap {}
}

export * from './chat-session.js'
