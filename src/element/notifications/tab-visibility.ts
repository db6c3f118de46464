/*
 * Tabs tell each other by locks whether they are visible: a lock goes with its tab, however that ends. Each has one of
 * its own, since one that was let go may be seen for a moment longer: a tab that has just been hidden must not take
 * itself for another.
 */

const tab = Math.random()

/** Absent over plain http. */
const locks = (): LockManager | undefined => (navigator as Partial<Navigator>).locks

/** Holds a lock until that is aborted. */
const hold = (name: string): AbortController => {
  const held = new AbortController()
  const { signal } = held
  const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  locks()
    ?.request(`${name} ${tab}`, { signal }, () => gone)
    // It was let go before it was there, or a sandbox forbids locks: this tab's visibility is known by itself.
    .catch(() => undefined)
  return held
}

/** While `signal` lasts, and this tab is visible, others see that by `name`, which has no space in it. */
export const showPresence = (name: string, signal: AbortSignal): void => {
  let held: AbortController | undefined
  const look = (event?: Event): void => {
    // A lock that is held at `pagehide` would keep the page out of the back/forward cache.
    if (!signal.aborted && event?.type !== 'pagehide' && document.visibilityState === 'visible')
      held ??= hold(name)
    else {
      held?.abort()
      held = undefined
    }
  }
  for (const type of ['visibilitychange', 'pagehide', 'pageshow'])
    addEventListener(type, look, { signal, capture: true })
  signal.addEventListener('abort', look)
  look()
}

/** Whether this tab, or any other that shows itself by `name`, is visible. */
export const isVisible = async (name: string): Promise<boolean> => {
  const known = await locks()
    ?.query()
    // A sandbox forbids them: this tab then knows of itself alone.
    .catch(() => undefined)
  return (
    document.visibilityState === 'visible' ||
    !!known?.held?.some((lock) => {
      const [shown, by] = lock.name?.split(' ') ?? []
      return shown === name && by !== String(tab)
    })
  )
}
