import type { SessionEventMap, TokenNeededEvent } from '../session/index.js'
import type {
  SessionEndedEvent,
  SessionErrorEvent,
  SessionFailedEvent,
  SessionMessageEvent,
  SessionNotificationClickEvent,
  SessionNotificationEvent,
  SessionStartedEvent,
  SessionStateEvent,
  SessionUnreadEvent,
  SessionUserEvent,
} from './events.js'

/** The element's events by name. */
export interface ElementEventMap {
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

/** The session's events that the element dispatches as they come, by the session's name of the event. */
export type RelayedEventMap = {
  [K in Exclude<keyof SessionEventMap, 'state' | 'tokenneeded'>]: ElementEventMap[`session-${K}`]
}

/** The `detail` of an event. */
export type DetailOf<E> = E extends CustomEvent<infer D> ? D : never

/** The constructor of an event. */
export type EventClass<E> = new (type: string, init: CustomEventInit<DetailOf<E>>) => E

/** Dispatches an event of the element. Returns false without a target, or if a listener prevented the default. */
export const emit = <K extends keyof ElementEventMap>(
  target: EventTarget | undefined,
  Class: EventClass<ElementEventMap[K]>,
  type: K,
  detail: DetailOf<ElementEventMap[K]>,
  bubbles = true,
): boolean =>
  !!target?.dispatchEvent(
    new Class(type, {
      bubbles,
      composed: true,
      cancelable: type === 'session-failed' || type === 'session-notification',
      detail,
    }),
  )
