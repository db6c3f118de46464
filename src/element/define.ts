import type { TokenNeededEvent } from '../session/index.js'
import {
  ChatSessionElement,
  type SessionEndedEvent,
  type SessionErrorEvent,
  type SessionFailedEvent,
  type SessionMessageEvent,
  type SessionNotificationClickEvent,
  type SessionNotificationEvent,
  type SessionStartedEvent,
  type SessionStateEvent,
  type SessionUnreadEvent,
  type SessionUserEvent,
} from './chat-session.js'

// Nothing is registered on servers, where lit leaves a registry of its own; the name is taken when the script was loaded twice.
const registry = typeof document === 'undefined' ? undefined : customElements
if (registry && !registry.get('chat-session')) registry.define('chat-session', ChatSessionElement)

declare global {
  interface HTMLElementTagNameMap {
    'chat-session': ChatSessionElement
  }
  // Of elements, documents and windows: the events bubble.
  interface GlobalEventHandlersEventMap {
    'session-state': SessionStateEvent
    'session-started': SessionStartedEvent
    'session-failed': SessionFailedEvent
    'session-ended': SessionEndedEvent
    'session-error': SessionErrorEvent
    'session-message': SessionMessageEvent
    'session-unread': SessionUnreadEvent
    'session-user': SessionUserEvent
    'session-token-needed': TokenNeededEvent
    'session-notification': SessionNotificationEvent
    'session-notification-click': SessionNotificationClickEvent
  }
}

export * from './chat-session.js'
