/** In a document that is shown. */
export const isLive = (element: Element): boolean =>
  element.isConnected && !!element.ownerDocument.defaultView

/** A Turbo preview is a cached copy of a page that is about to be replaced. */
export const isPreview = (document: Document): boolean =>
  document.documentElement.hasAttribute('data-turbo-preview')

/** Watches an element come into pages and leave them. */
export interface Departure {
  /** It stands in this window now. */
  arrived(view: Window): void
  /** It was taken out. */
  left(): void
}

/**
 * Calls `gone` when `element` has left, and is not back by the end of the next task: moves and re-renders take out and put back.
 * While Turbo shows a preview it waits for the page itself.
 */
export const watchDeparture = (element: Element, gone: () => void): Departure => {
  /** Ends what is listened to on the window. */
  let watched = new AbortController()
  let leaving: ReturnType<typeof setTimeout> | undefined

  const look = (): void => {
    if (isLive(element)) return
    const { ownerDocument } = element
    // The page behind it may have the tag again.
    if (isPreview(ownerDocument)) return ownerDocument.addEventListener('turbo:render', left, { once: true })
    watched.abort()
    gone()
  }
  const left = (): void => {
    clearTimeout(leaving)
    leaving = setTimeout(() => (leaving = setTimeout(look)))
  }
  const hidden = (): void => (element.isConnected ? left() : look())

  return {
    arrived(view) {
      if (watched.signal.aborted) watched = new AbortController()
      // Elements in a frame that is removed are told nothing, and stay connected to a document without a window.
      view.addEventListener('pagehide', hidden, { signal: watched.signal })
    },
    left,
  }
}
