/* What differs between a page, a worker and Node. */

/** False in a worker and in Node. */
export const isPage = typeof document !== 'undefined'

/** Returns false in Node, whose global object is no EventTarget and has no events of a page. */
export const hasEvents = (): boolean => typeof addEventListener === 'function'

/** Returns whether the browser says that there is no network. */
export const isOffline = (): boolean =>
  (globalThis as { navigator?: { onLine?: boolean } }).navigator?.onLine === false
