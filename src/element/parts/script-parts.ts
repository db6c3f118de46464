/* What the script-tag build has in place of `parts.ts`. */
import { SessionError } from '../../session/index.js'
import { partTable } from './part-table.js'
import type { Parts } from './parts.js'

interface TrustedTypePolicy {
  createScriptURL(url: string): string
}

interface TrustedTypes {
  createPolicy(name: string, rules: TrustedTypePolicy): TrustedTypePolicy
}

/** The parts that are loading or loaded, by name. */
const loading = new Map<string, Promise<unknown>>()
let failures = 0
let policy: TrustedTypePolicy | undefined

/** Returns whether another attempt may succeed. After a 404, or bytes with another hash, the same answer would come again. */
const isRetryable = (url: string, reason: unknown): boolean => {
  const status = (performance.getEntriesByName(url).at(-1) as PerformanceResourceTiming | undefined)
    ?.responseStatus
  return (reason as Event).type === 'error' && !(status && status < 500)
}

/**
 * Loads a script by an element, because a dynamic import has no integrity. The import after it returns the module that the element
 * loaded.
 */
const loadScript = async (url: string, integrity: string): Promise<unknown> => {
  const script = document.createElement('script')
  const over = new AbortController()
  const violations: Event[] = []
  try {
    await new Promise((resolve, reject) => {
      script.type = 'module'
      script.integrity = integrity
      // A Content-Security-Policy with nonces asks for it.
      script.nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? ''
      script.onload = resolve
      script.onerror = reject
      // Browsers dispatch this event before the script's `error`.
      document.addEventListener(
        'securitypolicyviolation',
        (event) => {
          const { disposition, effectiveDirective, blockedURI } = event
          if (
            disposition === 'enforce' &&
            effectiveDirective.startsWith('script') &&
            url.startsWith(blockedURI)
          )
            violations.push(event)
        },
        { signal: over.signal },
      )
      policy ??= (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('chat-session', {
        createScriptURL: (own) => own,
      })
      script.src = policy?.createScriptURL(url) ?? url
      document.documentElement.append(script)
    })
    return await import(url)
  } catch (reason) {
    throw new SessionError('script-unavailable', {
      cause: url,
      retryable: !violations.length && isRetryable(url, reason),
    })
  } finally {
    script.remove()
    over.abort()
  }
}

const load = (name: string): Promise<unknown> => {
  const [hash, integrity] = partTable[name] ?? []
  // Browsers remember by its address that a module failed, so each attempt has another address.
  const again = failures ? `?${failures}` : ''
  return loadScript(
    new URL(`chat-session-${name}-${hash}.js${again}`, import.meta.url).href,
    integrity ?? '',
  ).catch((error: unknown) => {
    failures += 1
    loading.delete(name)
    throw error
  })
}

export const loadPart = <K extends keyof Parts>(name: K): Promise<Parts[K]> => {
  const part = loading.get(name) ?? load(name)
  loading.set(name, part)
  return part as Promise<Parts[K]>
}
