import { listen } from '../../util/listen.js'

/**
 * The most streams that the tabs of a browser open to one gateway. Over HTTP/1.1 a browser opens six connections to a host, and each stream
 * occupies one. The other three are for posts (posts.ts), and for a site on that host.
 */
const LOCKS = 3

/** Milliseconds after which a hidden page gives up its lock. */
const HIDDEN_TIME = 60_000
/** Milliseconds after which a page without a lock counts as waiting for other tabs. A browser grants a free lock sooner. */
const GRANT_TIME = 500
/** Milliseconds for which a page keeps its lock, or its place in the queue, after an attempt. */
const KEEP_TIME = 5_000

const page = typeof document === 'undefined' ? undefined : document

const isHidden = (): boolean => page?.visibilityState === 'hidden'

/** Resolves when the page is visible, or `signal` aborts. */
const visible = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (isHidden() && !signal.aborted) return
      page?.removeEventListener('visibilitychange', check)
      resolve()
    }
    page?.addEventListener('visibilitychange', check)
    signal.addEventListener('abort', check, { once: true })
    check()
  })

/** A lock, or the requests for one. */
interface Place {
  /** Resolves with true when the page has a lock. Resolves with false if locks are forbidden, or if the place is given up. */
  granted: Promise<boolean>
  /** Aborts when the place is given up. */
  signal: AbortSignal
  giveUp(): void
}

const takePlace = (origin: string, locks: LockManager): Place => {
  const life = new AbortController()
  const { signal } = life
  const granted = new Promise<boolean>((resolve) => {
    let isTaken = false
    const others = new AbortController()
    signal.addEventListener('abort', () => others.abort(), { once: true })
    const hold = (): Promise<void> | void => {
      // Several locks may be granted at once. One is enough, and the others are released.
      if (isTaken || signal.aborted) return
      isTaken = true
      others.abort()
      resolve(true)
      return new Promise<void>((release) => {
        signal.addEventListener('abort', () => release(), { once: true })
      })
    }
    for (let number = 1; number <= LOCKS; number += 1)
      locks
        .request(`chat-session:stream:${origin}:${number}`, { signal: others.signal }, hold)
        // If a sandbox forbids locks, the page connects without a lock. Requests that were aborted come here, too.
        .catch(() => resolve(false))
  })
  return { granted, signal, giveUp: () => life.abort() }
}

/** The lock of one session. The session keeps the lock, or its place in the queue, from one attempt to the next. */
export interface ConnectionLock {
  /**
   * Resolves when the page has the lock, when there can be no lock, or when `signal` aborts. An abort of `signal` ends the use of the lock.
   * `onWait` is called if other tabs have all locks. `onYield` is called when the page has been hidden for a minute, and has given up the
   * lock.
   */
  take(on: { onWait(): void; onYield(): void }, signal: AbortSignal): Promise<void>
  /** Gives up the lock, or the place in the queue, at once. */
  release(): void
}

/** If `sleeps` is true, the session itself closes the connection of a hidden page. Until then the page keeps its lock. */
export const createConnectionLock = (origin: string, sleeps: boolean): ConnectionLock => {
  let place: Place | undefined
  let users = 0
  let keeping: ReturnType<typeof setTimeout> | undefined
  /** Whether the page has given up a lock because it was hidden. It takes another lock when it is visible. */
  let hasYielded = false

  const release = (): void => {
    clearTimeout(keeping)
    place?.giveUp()
    place = undefined
  }

  const take = (locks: LockManager): Place => {
    const taken = takePlace(origin, locks)
    const { signal } = taken
    // A lock would keep the page out of the browser's cache, and a frozen page runs no timer that could release the lock.
    listen(globalThis, 'pagehide', release, signal)
    if (page) listen(page, 'freeze', release, signal)
    return taken
  }

  /** Releases the lock, and calls `onYield`, when the page has been hidden for a minute. */
  const watch = (onYield: () => void, signal: AbortSignal): void => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const check = (): void => {
      clearTimeout(timer)
      if (!isHidden()) return
      timer = setTimeout(() => {
        hasYielded = true
        release()
        onYield()
      }, HIDDEN_TIME)
    }
    if (page) listen(page, 'visibilitychange', check, signal)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    check()
  }

  return {
    async take({ onWait, onYield }, signal) {
      // Node has no locks, and neither has a page without a secure context.
      const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks
      const isOver = (): boolean => signal.aborted
      if (!locks || !page || isOver()) return
      users += 1
      clearTimeout(keeping)
      const waiting = setTimeout(onWait, GRANT_TIME)
      const aborted = new Promise<false>((resolve) => {
        signal.addEventListener(
          'abort',
          () => {
            clearTimeout(waiting)
            users -= 1
            if (!users && place) keeping = setTimeout(release, KEEP_TIME)
            resolve(false)
          },
          { once: true },
        )
      })
      if (hasYielded) await visible(signal)
      if (isOver()) return
      hasYielded = false
      const isHeld = await Promise.race([(place ??= take(locks)).granted, aborted])
      clearTimeout(waiting)
      if (isHeld && !sleeps && !isOver()) watch(onYield, signal)
    },
    release,
  }
}
