import { ChatSessionElement, type SessionElementEventMap } from './chat-session.js'

// Absent on servers and in workers; taken when the script was loaded twice.
const registry = globalThis.customElements as CustomElementRegistry | undefined
if (registry && !registry.get('chat-session')) registry.define('chat-session', ChatSessionElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-session': ChatSessionElement
  }
  interface HTMLElementEventMap extends SessionElementEventMap {}
}

export * from './chat-session.js'
