import type { TokenNeededEvent } from '../session/index.js'
import {
  ChatSessionElement,
  type SessionEndedEvent,
  type SessionErrorEvent,
  type SessionFailedEvent,
  type SessionMessageEvent,
  type SessionStartedEvent,
  type SessionStateEvent,
  type SessionUnreadEvent,
  type SessionUserEvent,
} from './chat-session.js'

// Absent on servers and in workers; taken when the script was loaded twice.
const registry = globalThis.customElements as CustomElementRegistry | undefined
if (registry && !registry.get('chat-session')) registry.define('chat-session', ChatSessionElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-session': ChatSessionElement
  }
  interface HTMLElementEventMap {
    'session-state': SessionStateEvent
    'session-started': SessionStartedEvent
    'session-failed': SessionFailedEvent
    'session-ended': SessionEndedEvent
    'session-error': SessionErrorEvent
    'session-message': SessionMessageEvent
    'session-unread': SessionUnreadEvent
    'session-user': SessionUserEvent
    'session-token-needed': TokenNeededEvent
  }
}

export * from './chat-session.js'
