import { ChatSessionElement } from './chat-session.js'
import type { ElementEventMap } from './event-map.js'

// On servers lit defines a registry without a document, and nothing is registered. A second copy of the script finds the name taken.
const registry = typeof document === 'undefined' ? undefined : customElements
if (registry && !registry.get('chat-session')) registry.define('chat-session', ChatSessionElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-session': ChatSessionElement
  }
  // Elements, documents and windows take their events from this map, and the element's events bubble to all of them.
  interface GlobalEventHandlersEventMap extends ElementEventMap {}
}

export * from './chat-session.js'
