import { listen } from '../../session/internal.js'
import { findChat, type ChatElement } from '../find-chat.js'

/** The states of each element. `attachInternals()` can be called only once for an element. */
const states = new WeakMap<Element, CustomStateSet | undefined>()

const statesOf = (element: HTMLElement): CustomStateSet | undefined => {
  if (!states.has(element))
    states.set(element, (element as Partial<HTMLElement>).attachInternals?.call(element).states)
  return states.get(element)
}

/** Sets or clears `:state(none)`, where the browser has custom states. Chrome before 125 throws on names without a leading `--`. */
const setNone = (element: HTMLElement, isNone: boolean): void => {
  const set = statesOf(element)
  try {
    if (isNone) set?.add('none')
    else set?.delete('none')
  } catch {
    // Without the state the element still has its text.
  }
}

/** Shows the unread count in `element` until `signal` aborts. */
const showUnread = (element: HTMLElement, signal: AbortSignal): void => {
  let chat: ChatElement | undefined
  let listening = new AbortController()
  /** Whether a count is known. Until then text from the server stays in the element. */
  let isKnown = false
  let hasLabel = false

  const show = (): void => {
    const session = chat?.session
    const count = session?.sessionId ? session.unread : undefined
    isKnown ||= count !== undefined
    if (isKnown) {
      const max = Number(element.getAttribute('max') ?? '')
      const text = !count ? '' : max && count > max ? `${max}+` : String(count)
      if (element.textContent !== text) element.textContent = text
      const label = text && element.getAttribute('label')?.replace('{n}', String(count))
      if (label) element.setAttribute('aria-label', label)
      else if (hasLabel) element.removeAttribute('aria-label')
      hasLabel = !!label
      // Screen readers read the label only if the element has a role.
      if (hasLabel && !element.hasAttribute('role')) element.setAttribute('role', 'img')
    }
    setNone(element, !element.textContent)
  }

  const update = (): void => {
    const found = findChat(element, element.getAttribute('app-id'))
    if (found !== chat) {
      listening.abort()
      listening = new AbortController()
      chat = found
      // The listeners on the document get no event of a `<chat-session>` that has left the document. This listener gets the session's end.
      if (chat) listen(chat, 'session-state', update, listening.signal)
    }
    show()
  }

  // If several elements share a session, only the events of the first one bubble. A capturing listener gets the events of all.
  for (const type of ['session-state', 'session-started', 'session-unread'])
    listen(document, type, update, signal, true)
  const attributes = new MutationObserver(update)
  attributes.observe(element, { attributeFilter: ['app-id', 'max', 'label'] })
  signal.addEventListener('abort', () => {
    attributes.disconnect()
    listening.abort()
  })
  update()
}

/** The elements that show the count. */
const showing = new WeakMap<HTMLElement, AbortController>()

/**
 * Shows the unread count in an element while it is in the document. Called when the element comes into the document, and when it leaves.
 */
export const update = (element: HTMLElement): void => {
  showing.get(element)?.abort()
  if (!element.isConnected) return
  const controller = new AbortController()
  showing.set(element, controller)
  showUnread(element, controller.signal)
}
