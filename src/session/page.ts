/** What the page, or the worker, tells a session while it lives. */
export interface PageListener {
  /** The network is back, or somebody looks at the page again. */
  woken(): void
  /** The page's Content-Security-Policy forbade a connection to this address. */
  blocked(uri: string): void
}

type Prerendering = Document & { prerendering?: boolean }

const page = typeof document === 'undefined' ? undefined : (document as Prerendering)

export const watchPage = ({ woken, blocked }: PageListener, signal: AbortSignal): void => {
  // Node's global object is no EventTarget; there is nothing to hear there.
  if (typeof addEventListener !== 'function') return
  addEventListener('online', woken, { signal })
  addEventListener(
    'securitypolicyviolation',
    // A policy that only reports blocks nothing.
    ({ blockedURI, disposition }) => disposition === 'enforce' && blocked(blockedURI),
    { signal },
  )
  page?.addEventListener('visibilitychange', () => page.visibilityState === 'visible' && woken(), { signal })
}

/** Calls `then` when the page is one that somebody visits: at once, unless the browser is only prerendering it. */
export const whenVisited = (then: () => void, signal: AbortSignal): void => {
  if (page?.prerendering) page.addEventListener('prerenderingchange', then, { once: true, signal })
  else then()
}
