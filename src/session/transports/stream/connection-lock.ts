/**
 * The most streams that the tabs of a browser open to one gateway. Over HTTP/1.1 a browser opens six connections to a host, and each stream
 * occupies one. The other connections are left for posts and for a site on the same host.
 */
const LOCKS = 3

/** Milliseconds after which a hidden page gives its lock to another one. */
const HIDDEN_TIME = 60_000

const page = typeof document === 'undefined' ? undefined : document

const isHidden = (): boolean => page?.visibilityState === 'hidden'

const visible = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (isHidden()) return
      page?.removeEventListener('visibilitychange', check)
      resolve()
    }
    page?.addEventListener('visibilitychange', check, { signal })
    check()
  })

/** Whether this page has released its lock for another one. It takes none again while it is hidden. */
let hasYielded = false

/** Resolves when this tab has one of the locks, or if it needs none. Calls `onYield` when the page has been hidden for `HIDDEN_TIME`. */
export const takeConnection = async (
  origin: string,
  onYield: () => void,
  signal: AbortSignal,
): Promise<void> => {
  // Web Locks are absent in Node and outside secure contexts.
  const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks
  if (hasYielded) await visible(signal)
  hasYielded = false
  if (!locks || !page) return
  await new Promise<void>((resolve) => {
    let isTaken = false
    const others = new AbortController()
    signal.addEventListener('abort', () => others.abort(), { once: true })
    const hold = (): Promise<void> | void => {
      // Several locks may be granted at once. One is enough, and the others are released.
      if (isTaken || signal.aborted) return
      isTaken = true
      others.abort()
      resolve()
      return new Promise<void>((release) => {
        signal.addEventListener('abort', () => release(), { once: true })
      })
    }
    for (let number = 1; number <= LOCKS; number += 1)
      locks
        .request(`chat-session:stream:${origin}:${number}`, { signal: others.signal }, hold)
        // If a sandbox forbids locks, the page connects without one. Requests that were aborted reject here, too.
        .catch(() => resolve())
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  const watch = (): void => {
    clearTimeout(timer)
    if (!isHidden()) return
    timer = setTimeout(() => {
      hasYielded = true
      onYield()
    }, HIDDEN_TIME)
  }
  page.addEventListener('visibilitychange', watch, { signal })
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  watch()
}
