import { ChatWindowElement } from './chat-window.js'
import type { WindowEventMap } from './events.js'

// A server has no document, even if a library has defined `customElements` there, and a content script of an extension has no
// `customElements`. Another copy of the script may have taken the name.
const registry = globalThis.customElements as CustomElementRegistry | null | undefined
if (typeof document === 'object' && registry && !registry.get('chat-window'))
  registry.define('chat-window', ChatWindowElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-window': ChatWindowElement
  }
  interface GlobalEventHandlersEventMap extends WindowEventMap {}
}

export * from './chat-window.js'
