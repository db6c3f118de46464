import { createEvent, type CustomEventMap } from './event-map.js'

/** Dispatches an event of the element. Returns false if there is no target, or if a listener called `preventDefault()`. */
export const emit = <K extends keyof CustomEventMap>(
  target: EventTarget | undefined,
  type: K,
  detail: CustomEventMap[K]['detail'],
  bubbles = true,
): boolean =>
  !!target?.dispatchEvent(
    createEvent(type, {
      bubbles,
      composed: true,
      cancelable: type === 'session-failed' || type === 'session-notification',
      detail,
    }),
  )
