/**
 * ReactiveElement's class extends HTMLElement as soon as it is imported, and not every server, edge or worker build of a
 * bundler picks the variant that can do without one. While it is imported there is a stand-in; nothing is left behind.
 */
const scope: { HTMLElement?: unknown } = globalThis
const missing = !('HTMLElement' in scope)
if (missing) scope.HTMLElement = Object

export const removeShim = (): void => {
  if (missing) delete scope.HTMLElement
}
