import { createEvent } from './event-classes.js'
import type { WindowEventMap } from './events.js'

/** Dispatches an event that bubbles, also out of shadow trees. Returns false if a listener has called `preventDefault()`. */
export const emit = <K extends keyof WindowEventMap>(
  target: EventTarget,
  type: K,
  detail: WindowEventMap[K]['detail'],
): boolean => {
  const cancelable = type === 'chat-window-link'
  return target.dispatchEvent(createEvent(type, { detail, bubbles: true, composed: true, cancelable }))
}
