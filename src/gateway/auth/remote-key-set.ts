import { createHash } from 'node:crypto'
import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTHeaderParameters,
  type JWTVerifyGetKey,
} from 'jose'
import { LRUCache } from 'lru-cache'
import { parseJson } from '../../protocol/internal.js'
import { sendRequest, type OutboundRequest, type RequestMeter } from '../outbound/outbound-request.js'

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

/** The set can't be fetched now. */
class KeySetUnavailableError extends Error {
  override readonly name = 'KeySetUnavailableError'
  /** Milliseconds until the next fetch may begin. The verifier copies it to its result. */
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super("The key set can't be fetched now.")
    this.retryAfter = Math.max(0, Math.ceil(retryAfter))
  }
}

/**
 * How many unknown key ids are remembered. An id that was forgotten counts as new. So during a flood of unknown ids a client has to
 * retry.
 */
const MAX_UNKNOWN = 1_000
/** Retry intervals after which an unknown key id counts as new: its key may have been published since. */
const UNKNOWN_FOR = 10

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
    set = parseJson(body)
  } catch {
    // The parser's own message repeats a part of the body.
    throw new Error('The key set is not JSON, or is nested too deep.')
  }
  return createLocalJWKSet(set as JSONWebKeySet)
}

/** A key id may have thousands of characters, so only its hash is remembered. */
const hashOf = ({ alg, kid }: Partial<JWTHeaderParameters>): string =>
  createHash('sha256')
    .update(JSON.stringify([alg, kid]))
    .digest('base64')

/**
 * The keys at a URL. They are fetched when the first token needs them, then kept and refreshed in the background: while the server is
 * away, the last keys stay good. One fetch runs at a time. A server that fails, or a flood of unknown key ids, costs one fetch in a
 * `retryInterval`. An unknown key id is refused only after a fetch that began after its first token came: a fetch before that may have
 * missed a key that was just published.
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
  /** How many fetches have begun, and which of them `keys` are from. */
  let begun = 0
  let keysFrom = 0
  /** Begins the next fetch in the background, at `nextAt`. Undefined until the first token comes. */
  let timer: NodeJS.Timeout | undefined
  let nextAt = 0
  let hasFailed = false
  /** When an unknown key id last caused a fetch. */
  let unknownAt = -Infinity
  /** How many fetches had begun when an unknown key id was first seen, by the hash of the id. */
  const unknown = new LRUCache<string, number>({ max: MAX_UNKNOWN, ttl: UNKNOWN_FOR * retryInterval })

  const fetchOnce = async (): Promise<void> => {
    const number = ++begun
    try {
      keys = await fetchKeys(url, { timeout, signal, meter })
      keysFrom = number
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
      if (signal.aborted) return
      const delay = hasFailed ? retryInterval : refreshInterval
      nextAt = performance.now() + delay
      timer = setTimeout(() => void refresh(), delay).unref()
    })
    return fetching
  }

  const untilUnknownFetch = (): number => unknownAt + retryInterval - performance.now()

  const unavailable = (): KeySetUnavailableError =>
    new KeySetUnavailableError(hasFailed ? nextAt - performance.now() : untilUnknownFetch())

  /** Resolves after a fetch that began later than the fetch of this number, unless an unknown key id or a failure has just caused one. */
  const refreshAfter = async (number: number): Promise<void> => {
    do {
      if (!fetching) {
        // After a failure only the timer fetches the keys, so that unknown key ids add no fetch.
        if (hasFailed || untilUnknownFetch() > 0) return
        unknownAt = performance.now()
      }
      await refresh()
    } while (keysFrom <= number)
  }

  /** Returns how many fetches had begun when the key id of this header was first seen. */
  const firstSeen = (header: Partial<JWTHeaderParameters>): number => {
    const hash = hashOf(header)
    const known = unknown.get(hash)
    if (known === undefined) unknown.set(hash, begun)
    return known ?? begun
  }

  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })

  return {
    age: () => (keys ? performance.now() - fetchedAt : null),
    async resolve(header, token) {
      // Without a timer no fetch has ended yet. With one, the last fetch has failed, and a start does not wait for the next one.
      if (!keys && (fetching || !timer)) await refresh()
      if (!keys) throw unavailable()
      try {
        return await keys(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      }
      const seen = firstSeen(header)
      await refreshAfter(seen)
      if (hasFailed) throw unavailable()
      try {
        // The server may have the key by now.
        return await keys(header, token)
      } catch (error) {
        throw error instanceof errors.JWKSNoMatchingKey && keysFrom <= seen ? unavailable() : error
      }
    },
  }
}
