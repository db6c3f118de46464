/**
 * ReactiveElement extends HTMLElement when its module is evaluated. Some bundlers for servers, edge runtimes and workers do not pick lit's
 * build for Node, which works without HTMLElement. So HTMLElement has a stand-in, but only while that module is evaluated.
 */
const scope: { HTMLElement?: unknown } = globalThis
const missing = !('HTMLElement' in scope)
if (missing) scope.HTMLElement = Object

export const removeShim = (): void => {
  if (missing) delete scope.HTMLElement
}
