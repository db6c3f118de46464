import type { ElementEventMap } from '../../element/internal.js'

/** For each event of the element, a function that returns a short summary. If a row is missing, the code does not compile. */
const summaries: { readonly [K in keyof ElementEventMap]: (event: ElementEventMap[K]) => string } = {
  'session-state': ({ detail: { previous, state } }) =>
    previous === state ? `${state}, next attempt` : `${previous} → ${state}`,
  'session-started': ({ detail }) => detail.user.id,
  'session-failed': ({ detail }) => detail.error.code,
  'session-ended': ({ detail }) => detail.error?.code ?? 'on purpose',
  'session-error': ({ detail }) => detail.error.code,
  'session-message': ({ detail: { message } }) =>
    `${message.offset}, ${message.from ?? 'the backend'} → ${message.to}`,
  'session-unread': ({ detail }) => String(detail.unread),
  'session-user': ({ detail }) => detail.user.id,
  'session-pending': ({ detail: { count, reason } }) => `${count}${reason ? `, ${reason}` : ''}`,
  'session-sent': ({ detail }) => String(detail.offset),
  'session-signal': ({ detail: { signal } }) => `${signal.name} of ${signal.from ?? 'the backend'}`,
  'session-presence': ({ detail }) =>
    detail.users.map(({ id, online }) => `${id} ${online ? 'online' : 'offline'}`).join(', '),
  'session-token-needed': ({ reason }) => reason,
  'session-notification': ({ detail }) => detail.title,
  'session-notification-click': () => 'clicked',
}

export const eventNames = Object.keys(summaries) as (keyof ElementEventMap)[]

export const summaryOf = <K extends keyof ElementEventMap>(name: K, event: ElementEventMap[K]): string =>
  summaries[name](event)
