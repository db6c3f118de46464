/** What the page, or the worker, tells a session while it lives. */
export interface PageListener {
  /** The network is back, or somebody looks at the page again, or it runs again. */
  woken(): void
  /** The page goes: for good, or into the browser's back/forward cache. */
  hidden(): void
  /** It came back from there. Answers false to be told again in a moment, which it may while it is told that it `mayWait`. */
  shown(mayWait: boolean): boolean
  /** The browser stops the hidden page, and may throw it away without another word. */
  frozen(): void
  /** The page's Content-Security-Policy forbade a connection to this address. */
  blocked(uri: string): void
}

/**
 * Milliseconds in which the page that is left for a prerendered one has left its session. Nothing tells of it, and whoever
 * looks too early doesn't see it later.
 */
const LEFT_WITHIN = 200

/**
 * Milliseconds from one look to the next, and how many there are, in which the page that is left for one out of the
 * back/forward cache has left its session: Chromium hides it after it shows the other, now and then much later.
 */
const LOOK_AGAIN = 20
const LOOKS = 50

type Prerendering = Document & { prerendering?: boolean }

const page = typeof document === 'undefined' ? undefined : (document as Prerendering)

/** Node's global object is no EventTarget; there is nothing to hear there. */
const isHeard = (): boolean => typeof addEventListener === 'function'

export const watchPage = (
  { woken, hidden, shown, frozen, blocked }: PageListener,
  signal: AbortSignal,
): void => {
  if (!isHeard()) return
  addEventListener('online', woken, { signal })
  let looking: ReturnType<typeof setTimeout> | undefined
  const stop = (): void => clearTimeout(looking)
  const look = (left: number): void => {
    looking = setTimeout(() => shown(left > 0) || look(left - 1), left < LOOKS ? LOOK_AGAIN : 0)
  }
  signal.addEventListener('abort', stop)
  addEventListener(
    'pagehide',
    () => {
      stop()
      hidden()
    },
    { signal },
  )
  addEventListener('pageshow', ({ persisted }) => persisted && look(LOOKS), { signal })
  addEventListener(
    'securitypolicyviolation',
    // A policy that only reports blocks nothing.
    ({ blockedURI, disposition }) => disposition === 'enforce' && blocked(blockedURI),
    { signal },
  )
  page?.addEventListener('freeze', frozen, { signal })
  page?.addEventListener('resume', woken, { signal })
  page?.addEventListener('visibilitychange', () => page.visibilityState === 'visible' && woken(), { signal })
}

/** Calls `then` when the page goes, or now if it does. */
export const whenHidden = (then: () => void, signal: AbortSignal): void => {
  // Who begins to listen while others are told is not told any more.
  if ((globalThis as { event?: Event | undefined }).event?.type === 'pagehide') then()
  else if (isHeard()) addEventListener('pagehide', then, { signal })
}

/** Calls `then` when the page is one that somebody visits: at once, unless the browser is only prerendering it. */
export const whenVisited = (then: () => void, signal: AbortSignal): void => {
  const visited = (): void => void setTimeout(() => signal.aborted || then(), LEFT_WITHIN)
  if (page?.prerendering) page.addEventListener('prerenderingchange', visited, { once: true, signal })
  else then()
}
