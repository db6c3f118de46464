/**
 * Over HTTP/1.1 a browser opens six connections to a host, and a stream keeps one of them for good. So the tabs of a browser have three streams
 * to a gateway at most, and leave the other connections to posts and to a site on the same host.
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

/** Whether this page has given a lock away: hidden, it takes none again. */
let hasYielded = false

/** Resolves with whether this tab has one of the locks. `onYield` is called when the page has been hidden for a minute. */
export const takeConnection = async (
  origin: string,
  onYield: () => void,
  signal: AbortSignal,
): Promise<void> => {
  // Node has none, and neither has a page without a secure context.
  const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks
  if (hasYielded) await visible(signal)
  hasYielded = false
  if (!locks || !page) return
  await new Promise<void>((resolve) => {
    let isTaken = false
    const others = new AbortController()
    signal.addEventListener('abort', () => others.abort(), { once: true })
    const hold = (): Promise<void> | void => {
      // Several locks may be granted at once, and one is enough.
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
        // A sandboxed page has no locks: it connects without one. Requests that were given up reject, too.
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
