import type { TokenNeededEvent } from '../../session/index.js'
import {
  SessionEndedEvent,
  SessionErrorEvent,
  SessionFailedEvent,
  SessionMessageEvent,
  SessionNotificationClickEvent,
  SessionNotificationEvent,
  SessionPendingEvent,
  SessionPresenceEvent,
  SessionSentEvent,
  SessionSignalEvent,
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
  'session-pending': SessionPendingEvent
  'session-sent': SessionSentEvent
  'session-signal': SessionSignalEvent
  'session-presence': SessionPresenceEvent
  'session-token-needed': TokenNeededEvent
  'session-notification': SessionNotificationEvent
  'session-notification-click': SessionNotificationClickEvent
}

export type CustomEventMap = Omit<ElementEventMap, 'session-token-needed'>

type EventClass<E extends CustomEvent> = new (type: string, init: CustomEventInit<E['detail']>) => E

/** The class of each event. An event of CustomEventMap without a row fails to compile. */
export const eventClasses: { readonly [K in keyof CustomEventMap]: EventClass<CustomEventMap[K]> } = {
  'session-state': SessionStateEvent,
  'session-started': SessionStartedEvent,
  'session-failed': SessionFailedEvent,
  'session-ended': SessionEndedEvent,
  'session-error': SessionErrorEvent,
  'session-message': SessionMessageEvent,
  'session-unread': SessionUnreadEvent,
  'session-user': SessionUserEvent,
  'session-pending': SessionPendingEvent,
  'session-sent': SessionSentEvent,
  'session-signal': SessionSignalEvent,
  'session-presence': SessionPresenceEvent,
  'session-notification': SessionNotificationEvent,
  'session-notification-click': SessionNotificationClickEvent,
}

/**
 * Returns an event of the element. The script-tag build replaces this module (rollup.config.mjs) by one that makes plain CustomEvents,
 * because its script exports no classes of events.
 */
export const createEvent = <K extends keyof CustomEventMap>(
  type: K,
  init: CustomEventInit<CustomEventMap[K]['detail']>,
): CustomEventMap[K] => new eventClasses[type](type, init)
