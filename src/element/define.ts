import { ChatSessionElement } from './chat-session.js'
import type { ElementEventMap } from './events/event-map.js'
import { register } from './register.js'

register('chat-session', ChatSessionElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-session': ChatSessionElement
  }
  // Elements, documents and windows take their events from this map, and the element's events bubble to all of them.
  interface GlobalEventHandlersEventMap extends ElementEventMap {}
}

export * from './chat-session.js'
