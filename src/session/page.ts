/** Is called with the events of the page, or of the worker, that matter to a session. */
export interface PageListener {
  /** The network is back, or the page is no longer frozen. */
  wake(): void
  /** The user leaves the page, which may go into the back/forward cache. */
  hide(): void
  /** The page came back from the cache. If it returns false, it is called again after `SHOW_INTERVAL`. The last call has `mayWait` false. */
  show(mayWait: boolean): boolean
  /** The browser stops the hidden page, and may discard it without another event. */
  freeze(): void
  /** The page was hidden, or is visible again. */
  visibilityChanged(): void
}

/**
 * Milliseconds in which the previous page has written its session, after a prerendered page took its place. No event reports
 * the write, and in Chromium a page that reads the storage too early does not see the value later either.
 */
const PRERENDER_HANDOVER = 200

/**
 * Milliseconds between two calls of `show`, and how often it is called, so that the page that was left can write its
 * session first: Chromium sends `pagehide` to that page after `pageshow` to this one, sometimes much later.
 */
const SHOW_INTERVAL = 20
const MAX_SHOW_RETRIES = 50

type Prerendering = Document & { prerendering?: boolean }

const page = typeof document === 'undefined' ? undefined : (document as Prerendering)

/** Returns false in Node: its global object is no EventTarget, and has no such events. */
const hasEvents = (): boolean => typeof addEventListener === 'function'

/** Returns false in a worker and in Node, which have no page to hide. */
export const isPageHidden = (): boolean => page?.visibilityState === 'hidden'

export const watchPage = (
  { wake, hide, show, freeze, visibilityChanged }: PageListener,
  signal: AbortSignal,
): void => {
  if (!hasEvents()) return
  addEventListener('online', wake, { signal })
  let retrying: ReturnType<typeof setTimeout> | undefined
  const stop = (): void => clearTimeout(retrying)
  const callShow = (left: number): void => {
    retrying = setTimeout(
      () => show(left > 0) || callShow(left - 1),
      left < MAX_SHOW_RETRIES ? SHOW_INTERVAL : 0,
    )
  }
  signal.addEventListener('abort', stop)
  addEventListener(
    'pagehide',
    () => {
      stop()
      hide()
    },
    { signal },
  )
  addEventListener('pageshow', ({ persisted }) => persisted && callShow(MAX_SHOW_RETRIES), { signal })
  page?.addEventListener('freeze', freeze, { signal })
  page?.addEventListener('resume', wake, { signal })
  page?.addEventListener('visibilitychange', visibilityChanged, { signal })
}

/** Calls `callback` at `pagehide`; at once if `pagehide` is being dispatched. */
export const onPageHide = (callback: () => void, signal: AbortSignal): void => {
  // A listener that is added while an event is dispatched to its target is not called for that event.
  if ((globalThis as { event?: Event | undefined }).event?.type === 'pagehide') callback()
  else if (hasEvents()) addEventListener('pagehide', callback, { signal })
}

/** Calls `callback` when the page is activated: at once, unless the browser is only prerendering it. */
export const onActivated = (callback: () => void, signal: AbortSignal): void => {
  const activated = (): void => void setTimeout(() => signal.aborted || callback(), PRERENDER_HANDOVER)
  if (page?.prerendering) page.addEventListener('prerenderingchange', activated, { once: true, signal })
  else callback()
}
