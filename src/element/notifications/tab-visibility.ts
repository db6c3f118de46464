/*
 * A visible tab holds a Web Lock, by which other tabs see that it is visible. The browser releases the lock when the tab closes or crashes.
 * The lock's name contains the tab's id, because a query may still show a lock just after its release. Without the id, a tab that was just
 * hidden could take its own lock for the lock of another tab.
 */

import { listen } from '../../session/internal.js'

const tabId = Math.random()

/** Returns the Web Locks, which are absent over plain http. */
const locks = (): LockManager | undefined => (navigator as Partial<Navigator>).locks

const lockName = (name: string): string => `${name} ${tabId}`

/** Holds this tab's lock until the caller aborts the returned controller. */
const hold = (name: string): AbortController => {
  const held = new AbortController()
  const { signal } = held
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  locks()
    ?.request(lockName(name), { signal }, () => aborted)
    // The request rejects if it is aborted before the lock is granted, or if a sandbox forbids locks. Then other tabs don't see this tab.
    .catch(() => undefined)
  return held
}

/** Lets other tabs see under `name` whether this tab is visible, until `signal` aborts. `name` must not contain a space. */
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
  for (const type of ['visibilitychange', 'pagehide', 'pageshow']) listen(window, type, update, signal, true)
  signal.addEventListener('abort', update)
  update()
}

/** Returns whether this tab is visible, or another tab that announces itself under `name`. */
export const isAnyTabVisible = async (name: string): Promise<boolean> => {
  const snapshot = await locks()
    ?.query()
    // If a sandbox forbids locks, this tab knows only its own visibility.
    .catch(() => undefined)
  return (
    document.visibilityState === 'visible' ||
    !!snapshot?.held?.some((lock) => lock.name?.startsWith(`${name} `) && lock.name !== lockName(name))
  )
}
