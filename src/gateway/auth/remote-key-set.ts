import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { sendRequest, type OutboundRequest } from '../webhooks/outbound-request.js'
import type { RequestMeter } from '../webhooks/request-meter.js'

export interface RemoteKeySetOptions {
  /** Ends the refreshing. */
  signal: AbortSignal
  /** Called for each failed fetch. */
  onError(error: unknown): void
  /** Milliseconds between a fetch and the next one in the background: a withdrawn key verifies no longer than that. */
  refreshInterval?: number
  /** Milliseconds between two fetches after a failure, and between two fetches for unknown key ids. */
  retryInterval?: number
  /** Milliseconds that a fetch may take. Less than `startTimeout`, so that a start ends as `unavailable` and not as `timeout`. */
  timeout?: number
  meter?: RequestMeter | undefined
}

export interface RemoteKeySet {
  /** Returns the key for a token's header, as `KeySet.resolve` does. */
  resolve: JWTVerifyGetKey
  /** The milliseconds since the keys were fetched; null if they never were. */
  age(): number | null
}

const UNAVAILABLE = "The key set can't be fetched now."

/** A set of a hundred RSA keys with their certificates has about 300 kB. */
const MAX_BYTES = 524_288

const fetchKeys = async (
  url: string,
  request: Pick<OutboundRequest, 'timeout' | 'signal' | 'meter'>,
): Promise<JWTVerifyGetKey> => {
  const headers = { accept: 'application/jwk-set+json, application/json' }
  const { status, body } = await sendRequest(url, { ...request, headers, maxBytes: MAX_BYTES })
  if (status !== 200) throw new Error(`The key set's server answered with status ${status}.`)
  if (body === null) throw new Error(`The key set is larger than ${MAX_BYTES} bytes.`)
  let set: unknown
  try {
    set = JSON.parse(body)
  } catch {
    // The parser's own message repeats a part of the body.
    throw new Error('The key set is not JSON.')
  }
  return createLocalJWKSet(set as JSONWebKeySet)
}

/**
 * The keys at a URL. They are fetched when the first token needs them, then kept and refreshed in the background: while the server
 * is away, the last keys stay good. One fetch runs at a time. A server that fails, or a flood of unknown key ids, costs one fetch
 * in a `retryInterval`.
 */
export const createRemoteKeySet = (url: string, options: RemoteKeySetOptions): RemoteKeySet => {
  const {
    signal,
    onError,
    refreshInterval = 300_000,
    retryInterval = 5_000,
    timeout = 5_000,
    meter,
  } = options
  let keys: JWTVerifyGetKey | undefined
  let fetchedAt = 0
  let fetching: Promise<void> | undefined
  /** For the next fetch in the background. Undefined until the first token comes. */
  let timer: NodeJS.Timeout | undefined
  let hasFailed = false
  /** When an unknown key id last caused a fetch. */
  let unknownAt = -Infinity

  const fetchOnce = async (): Promise<void> => {
    try {
      keys = await fetchKeys(url, { timeout, signal, meter })
      fetchedAt = performance.now()
      hasFailed = false
    } catch (error) {
      if (signal.aborted) return
      hasFailed = true
      onError(error)
    }
  }

  /** Resolves after the fetch that runs, or after a new one. */
  const refresh = (): Promise<void> => {
    fetching ??= fetchOnce().finally(() => {
      fetching = undefined
      clearTimeout(timer)
      if (!signal.aborted)
        timer = setTimeout(() => void refresh(), hasFailed ? retryInterval : refreshInterval).unref()
    })
    return fetching
  }

  /** Fetches the keys for a key id that they don't have, unless such an id has just caused a fetch. */
  const refreshForUnknown = async (): Promise<void> => {
    if (fetching) return fetching
    // After a failure the timer fetches them, so that unknown key ids add nothing.
    if (hasFailed || performance.now() - unknownAt < retryInterval) return
    unknownAt = performance.now()
    await refresh()
  }

  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })

  return {
    age: () => (keys ? performance.now() - fetchedAt : null),
    async resolve(header, token) {
      // Without a timer there was no fetch yet. With one, a start does not wait for a server that has just failed.
      if (!keys && (fetching || !timer)) await refresh()
      if (!keys) throw new Error(UNAVAILABLE)
      try {
        return await keys(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      }
      await refreshForUnknown()
      // The server may have the key by now.
      if (hasFailed) throw new Error(UNAVAILABLE)
      return keys(header, token)
    },
  }
}
