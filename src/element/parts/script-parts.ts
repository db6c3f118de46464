/* The script-tag build uses this module in place of `parts.ts`. */
import { ifPossible, isPage, SessionError } from '../../session/internal.js'
import { partTable } from './part-table.js'
import type { Parts } from './parts.js'

/** Milliseconds after which a script that has not come counts as one that can't be loaded, because messages and attempts wait for it. */
const LOAD_TIMEOUT = 30_000

/** The parts that are loading or loaded, by name. */
const loading: Partial<Record<string, Promise<unknown>>> = {}
let failures = 0

const addressOf = (name: string): string =>
  new URL(`chat-session-${name}-${partTable[name]?.replace(/\W/g, '').slice(0, 8)}.js`, import.meta.url).href

/** The part of the DOM's Trusted Types that is needed here. TypeScript's types of the DOM lack them. */
interface TrustedTypePolicy {
  /** Returns a TrustedScriptURL in a browser. `script.src` takes it, but the type of `src` is text. */
  createScriptURL(url: string): string
}
interface TrustedTypes {
  createPolicy(name: string, rules: TrustedTypePolicy): TrustedTypePolicy
}

/**
 * Lets through only the addresses of the parts. Undefined before the first part is loaded; null if the page forbids the policy, or the
 * browser knows no Trusted Types.
 */
let policy: TrustedTypePolicy | null | undefined

const createPolicy = (): TrustedTypePolicy | undefined =>
  (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('chat-session', {
    createScriptURL(url) {
      // After a failure the address has a query.
      if (Object.keys(partTable).some((name) => addressOf(name) === url.replace(/\?\d+$/, ''))) return url
      throw new TypeError(url)
    },
  })

/**
 * Returns the address as a page that requires Trusted Types takes it. If the page forbids the policy, returns the address itself, which
 * needs a default policy of the page. The policy is made once, because the browser reports each attempt that the page forbids.
 */
const trusted = (url: string): string => {
  if (policy === undefined) policy = ifPossible(createPolicy) ?? null
  return policy?.createScriptURL(url) ?? url
}

/** Says what to do if a page requires Trusted Types and lets the address through by no policy. */
const FORBIDDEN =
  "script-unavailable: trusted-types needs chat-session, and 'allow-duplicates' for a second copy"

const unavailable = (url: string, message?: string): SessionError =>
  new SessionError('script-unavailable', { cause: url, message, retryable: true })

/** Loads the module of a part by a script element, because an import has no `integrity`. */
const addScript = async (name: string, url: string): Promise<void> => {
  const script = document.createElement('script')
  script.type = 'module'
  script.integrity = `sha256-${partTable[name]}`
  // A Content-Security-Policy with nonces requires a nonce.
  script.nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? ''
  try {
    script.src = trusted(url)
  } catch {
    throw unavailable(url, FORBIDDEN)
  }
  try {
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(unavailable(url)), LOAD_TIMEOUT)
      script.onload = resolve
      script.onerror = () => reject(unavailable(url))
      document.documentElement.append(script)
    })
  } finally {
    script.remove()
  }
}

const load = async (name: string): Promise<unknown> => {
  // After a failure a browser does not load the module from the same address again. So the next try has another address.
  const url = addressOf(name) + (failures ? `?${failures}` : '')
  try {
    // A worker has no elements.
    if (isPage) await addScript(name, url)
    return await import(url)
  } catch (error) {
    failures += 1
    loading[name] = undefined
    throw error instanceof SessionError ? error : unavailable(url)
  }
}

/** Resolves with the module of a part. Rejects with the SessionError `script-unavailable` if its script can't be loaded. */
export const loadPart = <K extends keyof Parts>(name: K): Promise<Parts[K]> =>
  (loading[name] ??= load(name)) as Promise<Parts[K]>
