import { pageCloseCodes } from '../protocol/index.js'
import type { Input } from './machine/state.js'
import { deadlineTimer, now } from './util/clock.js'
import { listen } from './util/listen.js'
import { hasEvents, isPage } from './util/runtime.js'

/** The inputs of the session's state machine (machine/step.ts) that are events of the page, or of the worker. */
type PageInput = Extract<Input, { type: 'time' | 'wake' | 'leave' }>

/**
 * Milliseconds to wait when a prerendered page takes the place of another page, which first stores its session. No event reports that the
 * session is stored. In Chromium a page that reads the storage too early does not see the value later either.
 */
const PRERENDER_HANDOVER = 200

/**
 * Milliseconds between two calls of `show`, and how many calls may follow the first one. The page that was left must first store its
 * session. In Chromium the `pagehide` of that page comes after the `pageshow` of this page, sometimes much later.
 */
const SHOW_INTERVAL = 20
const MAX_SHOW_RETRIES = 50

/** Returns false in a worker and in Node, which have no page to hide. */
export const isPageHidden = (): boolean => isPage && document.visibilityState === 'hidden'

/**
 * Feeds the page's events to the machine. Calls `show` when the page has come back from the cache. If `show` returns false, it is called
 * again after `SHOW_INTERVAL`, the last time with `mayWait` false.
 */
export const watchPage = (
  feed: (input: PageInput) => void,
  show: (mayWait: boolean) => boolean,
  signal: AbortSignal,
): void => {
  if (!hasEvents()) return
  const on = (target: EventTarget, event: string, listener: (event: Event) => unknown): void =>
    listen(target, event, listener, signal)
  let retriesLeft = 0
  const setShow = deadlineTimer(() => {
    if (show(retriesLeft > 0)) return
    retriesLeft -= 1
    setShow(now() + SHOW_INTERVAL)
  }, signal)
  const wake = (): void => feed({ type: 'wake' })
  on(globalThis, 'online', wake)
  // The machine ignores `time` before its deadline. But after any input the session reports why messages wait.
  on(globalThis, 'offline', () => feed({ type: 'time' }))
  on(globalThis, 'pagehide', () => {
    setShow(Infinity)
    feed({ type: 'leave', at: 'page-hidden', code: pageCloseCodes.hidden })
  })
  on(globalThis, 'pageshow', (event) => {
    if (!(event as PageTransitionEvent).persisted) return
    retriesLeft = MAX_SHOW_RETRIES
    setShow(now())
  })
  if (!isPage) return
  // Without a `code` the gateway treats the connection as lost, and keeps the session for `resumeWindow`.
  on(document, 'freeze', () => feed({ type: 'leave', at: 'page-asleep' }))
  on(document, 'resume', wake)
  // The machine ignores `time` before its deadline. But after any input the session tells the gateway if the page was hidden or shown.
  on(document, 'visibilitychange', () => feed({ type: isPageHidden() ? 'time' : 'wake' }))
}

/** Calls `callback` at `pagehide`; at once if `pagehide` is being dispatched. */
export const onPageHide = (callback: () => void, signal: AbortSignal): void => {
  // While an event is dispatched to a target, a listener that is added there is not called for that event.
  if ((globalThis as { event?: Event | undefined }).event?.type === 'pagehide') callback()
  else if (hasEvents()) listen(globalThis, 'pagehide', callback, signal)
}

/** Calls `callback` when the page is activated: at once, unless the browser is only prerendering it. */
export const onActivated = (callback: () => void, signal: AbortSignal): void => {
  const activated = (): void => void setTimeout(() => signal.aborted || callback(), PRERENDER_HANDOVER)
  if (isPage && (document as { prerendering?: boolean }).prerendering)
    listen(document, 'prerenderingchange', activated, signal)
  else callback()
}
