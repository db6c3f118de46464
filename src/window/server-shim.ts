/**
 * lit's modules for browsers use `HTMLElement` and `document` when they are evaluated. So both have stand-ins on servers and in workers, but
 * only while those modules are evaluated.
 */
const scope: Record<string, unknown> = globalThis
const standIns: Record<string, unknown> = {
  HTMLElement: Object,
  document: { createTreeWalker: () => null },
}
const missing = Object.keys(standIns).filter((name) => !(name in scope))
for (const name of missing) scope[name] = standIns[name]

export const removeShim = (): void => {
  for (const name of missing) Reflect.deleteProperty(scope, name)
}
