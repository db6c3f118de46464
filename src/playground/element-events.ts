import type { Message, SessionError, User } from '../session/index.js'

/** The essence of an event of the element in a few words. */
export const summaryOf = (event: Event): string => {
  const detail: unknown = event instanceof CustomEvent ? event.detail : undefined
  if (typeof detail !== 'object' || detail === null) return ''
  if ('previous' in detail) {
    const { previous, state } = detail as { previous: string; state: string }
    return previous === state ? `${state}, next attempt` : `${previous} → ${state}`
  }
  if ('error' in detail) return (detail.error as SessionError | null)?.code ?? 'on purpose'
  if ('message' in detail) {
    const { offset, from, to } = detail.message as Message
    return `${offset}, ${from ?? 'the backend'} → ${to}`
  }
  if ('messages' in detail) return 'title' in detail ? String(detail.title) : 'clicked'
  if ('unread' in detail) return String(detail.unread)
  if ('user' in detail) return (detail.user as User).id
  return ''
}

/** The element's events that need no answer. */
export const eventNames = [
  'session-state',
  'session-started',
  'session-failed',
  'session-ended',
  'session-error',
  'session-message',
  'session-unread',
  'session-user',
  'session-notification',
  'session-notification-click',
] as const
