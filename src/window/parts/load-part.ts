/* For the script-tag build alone: what only some pages need are scripts beside chat-window.js. */
import { partTable } from './part-table.js'

/** Milliseconds after which a script that has not come counts as one that can't be loaded, because the window waits for it. */
const LOAD_TIMEOUT = 10_000

/** The scripts that are loading or loaded, by name. */
const loading: Partial<Record<string, Promise<unknown>>> = {}

/** The part of the DOM's Trusted Types that is needed here. TypeScript's types of the DOM lack them. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string }
}

const createPolicy = (): ReturnType<TrustedTypes['createPolicy']> | undefined => {
  try {
    const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
    // Only this module has the policy, for the addresses of the parts.
    return trustedTypes?.createPolicy('chat-window', { createScriptURL: (url) => url })
  } catch {
    // The page forbids it. A default policy of the page may do.
    return undefined
  }
}
/** The browser reports each attempt that the page forbids, so the policy is made once. */
let policy: ReturnType<typeof createPolicy>

const load = async (name: string): Promise<unknown> => {
  const hash = partTable[name] ?? ''
  const { href } = new URL(`chat-window-${name}-${hash.replace(/\W/g, '').slice(0, 8)}.js`, import.meta.url)
  const script = document.createElement('script')
  try {
    await new Promise((resolve, reject) => {
      setTimeout(reject, LOAD_TIMEOUT)
      script.type = 'module'
      script.onload = resolve
      script.onerror = reject
      script.integrity = `sha256-${hash}`
      // A Content-Security-Policy with nonces requires a nonce.
      script.nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? ''
      script.src = (policy ??= createPolicy())?.createScriptURL(href) ?? href
      document.documentElement.append(script)
    })
    // An import has no `integrity`. So the script element loads the module, and this import returns it.
    return await import(href)
  } finally {
    script.remove()
  }
}

/** Resolves with the module of a part. Rejects if its script can't be loaded. */
export const loadPart = (name: string): Promise<unknown> => (loading[name] ??= load(name))
