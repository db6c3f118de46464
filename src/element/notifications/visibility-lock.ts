/*
 * A visible tab holds a Web Lock, by which other tabs see that it is visible. The browser releases the lock when the tab closes or
 * crashes. The lock's name has the tab's id: a query may still show a lock just after its release, and a tab that has just
 * been hidden must not take its own lock for another tab's.
 */
import type { ChatSession } from '../../session/index.js'
import { userKeyOf } from './user-key.js'

export const tabId = String(Math.random())

/** Holds this tab's lock until the returned controller aborts. */
const hold = (name: string): AbortController => {
  const held = new AbortController()
  const { signal } = held
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  // Absent over plain http.
  ;(navigator as Partial<Navigator>).locks
    ?.request(`${name} ${tabId}`, { signal }, () => aborted)
    // The request was aborted before the lock was granted, or a sandbox forbids locks. Other tabs then don't see this one.
    .catch(() => undefined)
  return held
}

/** Shows other tabs, under `name`, whenever this tab is visible. Ends with `signal`. `name` must have no space. */
export const announceVisibility = (name: string, signal: AbortSignal): void => {
  let held: AbortController | undefined
  const update = (event?: Event): void => {
    // A lock that is held after `pagehide` keeps the page out of the back/forward cache.
    if (!signal.aborted && event?.type !== 'pagehide' && document.visibilityState === 'visible')
      held ??= hold(name)
    else {
      held?.abort()
      held = undefined
    }
  }
  for (const type of ['visibilitychange', 'pagehide', 'pageshow'])
    addEventListener(type, update, { signal, capture: true })
  signal.addEventListener('abort', update)
  update()
}

/**
 * Announces the tab for the session's user while the session is active. A visible tab keeps all tabs from showing notifications, even a
 * tab that shows none itself.
 */
export const announceTab = (session: ChatSession): void => {
  let announced: AbortController | undefined
  session.addEventListener('state', () => {
    announced?.abort()
    // The tab is announced only while the session is active: a page that reconnects shows nothing new, and a lock would keep it out of
    // the back/forward cache.
    if (session.state === 'active')
      announceVisibility(userKeyOf(session), (announced = new AbortController()).signal)
  })
}
