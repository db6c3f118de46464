/** What the page, or the worker, tells a session while it lives. */
export interface PageListener {
  /** The network is back, or somebody looks at the page again. */
  woken(): void
  /** The page goes: for good, or into the browser's back/forward cache. */
  hidden(): void
  /** It came back from there. */
  shown(): void
  /** The page's Content-Security-Policy forbade a connection to this address. */
  blocked(uri: string): void
}

type Prerendering = Document & { prerendering?: boolean }

const page = typeof document === 'undefined' ? undefined : (document as Prerendering)

export const watchPage = ({ woken, hidden, shown, blocked }: PageListener, signal: AbortSignal): void => {
  // Node's global object is no EventTarget; there is nothing to hear there.
  if (typeof addEventListener !== 'function') return
  addEventListener('online', woken, { signal })
  addEventListener('pagehide', hidden, { signal })
  // Chromium hides the page that is left after it shows this one: a task later what it leaves is there.
  addEventListener('pageshow', ({ persisted }) => persisted && setTimeout(() => signal.aborted || shown()), {
    signal,
  })
  addEventListener(
    'securitypolicyviolation',
    // A policy that only reports blocks nothing.
    ({ blockedURI, disposition }) => disposition === 'enforce' && blocked(blockedURI),
    { signal },
  )
  page?.addEventListener('resume', woken, { signal })
  page?.addEventListener('visibilitychange', () => page.visibilityState === 'visible' && woken(), { signal })
}

/** Calls `then` when the page is one that somebody visits: at once, unless the browser is only prerendering it. */
export const whenVisited = (then: () => void, signal: AbortSignal): void => {
  if (page?.prerendering) page.addEventListener('prerenderingchange', then, { once: true, signal })
  else then()
}

/** Where one page leaves something for the next one of this tab. */
export interface Shelf {
  put(value: unknown): void
  /** Takes out what was left; undefined when there is nothing. A tab that is duplicated later shares nothing. */
  take(): unknown
}

/** Storage that is forbidden, full or absent costs the next page its session, and nothing else. */
const tried = <T>(use: () => T): T | undefined => {
  try {
    return page && use()
  } catch {
    return undefined
  }
}

export const shelf = (key: string): Shelf => ({
  put: (value) => tried(() => sessionStorage.setItem(key, JSON.stringify(value))),
  take: () =>
    tried(() => {
      const json = sessionStorage.getItem(key)
      sessionStorage.removeItem(key)
      return json === null ? undefined : (JSON.parse(json) as unknown)
    }),
})
