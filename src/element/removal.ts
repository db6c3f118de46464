import { listen } from '../session/internal.js'
import type { ReactiveController } from './lit/base.js'

/** Returns whether the element is in a document that has a window. */
export const isInWindow = (element: Element): boolean =>
  element.isConnected && !!element.ownerDocument.defaultView

/** Returns whether the document is a preview of Turbo: a cached copy of a page, which Turbo shows until the page itself has loaded. */
export const isTurboPreview = (document: Document): boolean =>
  document.documentElement.hasAttribute('data-turbo-preview')

/**
 * Creates a controller that calls `removed` when `host` has left its window and is not back by the end of the next task. React's
 * StrictMode, Turbo, htmx and pages that move an element take it out and put it back. Without the wait that would end the session.
 */
export const createRemovalController = (host: Element, removed: () => void): ReactiveController => {
  /** Ends the `pagehide` listeners on the windows that the host has been in. */
  let listening: AbortController | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const removeIfGone = (): void => {
    if (isInWindow(host)) return
    const { ownerDocument } = host
    // The page that replaces the preview may have the tag again, and then the session goes on.
    if (isTurboPreview(ownerDocument))
      return ownerDocument.addEventListener('turbo:render', checkAfterNextTask, { once: true })
    listening?.abort()
    listening = undefined
    removed()
  }
  const checkAfterNextTask = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => (timer = setTimeout(removeIfGone)))
  }
  const pageHidden = (): void => (host.isConnected ? checkAfterNextTask() : removeIfGone())

  return {
    hostConnected() {
      listening ??= new AbortController()
      // When an iframe is removed, its elements get no disconnectedCallback: they stay connected to a document without a window.
      const { defaultView } = host.ownerDocument
      if (defaultView) listen(defaultView, 'pagehide', pageHidden, listening.signal)
    },
    hostDisconnected: checkAfterNextTask,
  }
}
