import { ChatWindowElement } from './chat-window.js'
import type { WindowEventMap } from './events.js'

// A server has no document, even if a library has defined `customElements` there. Another copy of the script may have taken the name.
if (typeof document === 'object' && !customElements.get('chat-window'))
  customElements.define('chat-window', ChatWindowElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-window': ChatWindowElement
  }
  interface GlobalEventHandlersEventMap extends WindowEventMap {}
}

export * from './chat-window.js'
