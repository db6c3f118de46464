import { ChatUnreadElement } from './chat-unread.js'

// On servers some libraries define a registry without a document. A second copy of the script finds the name taken.
const registry = typeof document === 'undefined' ? undefined : customElements
if (registry && !registry.get('chat-unread')) registry.define('chat-unread', ChatUnreadElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-unread': ChatUnreadElement
  }
}

export * from './chat-unread.js'
