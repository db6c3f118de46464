/* What tells a page from a worker and from Node. The script-tag build replaces this module, because its script runs in pages alone. */

/** The page; undefined in a worker and in Node. */
export const page = typeof document === 'undefined' ? undefined : document

/** Returns false in Node: its global object is no EventTarget, and has no events of a page. */
export const hasEvents = (): boolean => typeof addEventListener === 'function'
