import { deadlineTimer, now } from './util/clock.js'
import { listen } from './util/listen.js'
import { hasEvents, isPage } from './util/runtime.js'
import type { InputOf, StoredSession } from './machine/state.js'

/** The inputs of the session's state machine (machine/step.ts) that are events of the page, or of the worker. */
type PageInput = InputOf<'time' | 'wake' | 'leave' | 'show'>

/**
 * Milliseconds to wait when a prerendered page takes the place of another page, which first stores its session. No event reports that the
 * session is stored. In Chromium a page that reads the storage too early does not see the value later either.
 */
const PRERENDER_HANDOVER = 200

/**
 * Milliseconds between two reads of the storage when the page is back from the cache, and how many reads may follow the first one. The page
 * that was left must first store its session. In Chromium the `pagehide` of that page comes after the `pageshow` of this page, sometimes
 * much later.
 */
const READ_INTERVAL = 20
const MAX_READS = 50

/** Returns false in a worker and in Node, which have no page to hide. */
export const isPageHidden = (): boolean => isPage && document.visibilityState === 'hidden'

/** Feeds the page's events to the machine. `take` takes the session that a page of the tab has stored. */
export const watchPage = (
  feed: (input: PageInput) => void,
  take: () => StoredSession,
  signal: AbortSignal,
): void => {
  if (!hasEvents()) return
  const wake = (): void => feed({ type: 'wake' })
  // The machine ignores `time` before its deadline. But after any input the session reports why messages wait, and tells the gateway if
  // the page was hidden or shown.
  const report = (): void => feed({ type: 'time' })
  listen(globalThis, 'online', wake, signal)
  listen(globalThis, 'offline', report, signal)

  let readsLeft = 0
  /** Reads the stored session at a time; Infinity for never. */
  const readAt = deadlineTimer(() => {
    const stored = take()
    // If the stored session is gone, another page has taken it, and has not stored it again yet.
    if (stored !== 'absent' || readsLeft === 0) return feed({ type: 'show', stored })
    readsLeft -= 1
    readAt(now() + READ_INTERVAL)
  }, signal)
  const onShow = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted) return
    readsLeft = MAX_READS
    readAt(now())
  }
  const onHide = (): void => {
    readAt(Infinity)
    feed({ type: 'leave', phase: 'left' })
  }
  listen(globalThis, 'pageshow', onShow, signal)
  listen(globalThis, 'pagehide', onHide, signal)

  if (!isPage) return
  listen(document, 'freeze', () => feed({ type: 'leave', phase: 'frozen' }), signal)
  listen(document, 'resume', wake, signal)
  listen(document, 'visibilitychange', () => (isPageHidden() ? report() : wake()), signal)
}

/** Calls `callback` at `pagehide`; at once if `pagehide` is being dispatched. */
export const onPageHide = (callback: () => void, signal: AbortSignal): void => {
  // While an event is dispatched to a target, a listener that is added there is not called for that event.
  if ((globalThis as { event?: Event | undefined }).event?.type === 'pagehide') callback()
  else if (hasEvents()) listen(globalThis, 'pagehide', callback, signal)
}

/** Calls `callback` when the page is activated: at once, unless the browser is only prerendering it. */
export const onActivated = (callback: () => void, signal: AbortSignal): void => {
  const activated = (): void => {
    setTimeout(() => {
      if (!signal.aborted) callback()
    }, PRERENDER_HANDOVER)
  }
  if (isPage && (document as { prerendering?: boolean }).prerendering)
    listen(document, 'prerenderingchange', activated, signal)
  else callback()
}
