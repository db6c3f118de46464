/* The script-tag build uses this module in place of `parts.ts`. */
import { SessionError } from '../../session/internal.js'
import { partTable } from './part-table.js'
import type { Parts } from './parts.js'

/** Milliseconds after which a script that has not come counts as one that can't be loaded, because messages and attempts wait for it. */
const LOAD_TIMEOUT = 30_000

/** The parts that are loading or loaded, by name. */
const loading: Partial<Record<string, Promise<unknown>>> = {}
let failures = 0

const load = async (name: string): Promise<unknown> => {
  const hash = partTable[name] ?? ''
  // After a failure a browser does not load the module from the same address again. So the next try has another address.
  const again = failures ? `?${failures}` : ''
  const url = new URL(
    `chat-session-${name}-${hash.replace(/\W/g, '').slice(0, 8)}.js${again}`,
    import.meta.url,
  ).href
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
      script.src = url
      document.documentElement.append(script)
    })
    // An import has no `integrity`. So the script element loads the module, and this import returns it.
    return await import(url)
  } catch {
    failures += 1
    loading[name] = undefined
    throw new SessionError('script-unavailable', { cause: url, retryable: true })
  } finally {
    script.remove()
  }
}

/** Resolves with the module of a part. Rejects with the SessionError `script-unavailable` if its script can't be loaded. */
export const loadPart = <K extends keyof Parts>(name: K): Promise<Parts[K]> =>
  (loading[name] ??= load(name)) as Promise<Parts[K]>
