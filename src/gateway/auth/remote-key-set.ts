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
  /** Ends the fetches in the background. */
  signal: AbortSignal
  /** Called for each failed fetch, and for each token whose key is in the set but can't be used. */
  onError(error: unknown): void
  /**
   * Milliseconds between two fetches in the background. A key that its owner has withdrawn verifies tokens until the next successful fetch.
   */
  refreshInterval?: number
  /** Milliseconds between two fetches after a failure, and between two fetches for unknown key ids. */
  retryInterval?: number
  /**
   * Milliseconds that a fetch may take. If `startTimeout` is longer, a start that waits for a failing fetch ends as `unavailable`, not as
   * `timeout`.
   */
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
  /** Milliseconds until the next fetch may begin. The verifier copies them to its result. */
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super("The key set can't be fetched now.")
    this.retryAfter = Math.max(0, Math.ceil(retryAfter))
  }
}

/** How many unknown key ids are remembered. A forgotten id needs a further fetch, so in a flood of ids a client may have to retry. */
const MAX_UNKNOWN = 1_000
/** After this many retry intervals an unknown key id counts as new, because its key may have been published since. */
const UNKNOWN_FOR = 10

/** The most bytes of a key set. A hundred RSA keys with their certificates have about 300 kB. */
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
 * Creates the key set at a URL. The keys are fetched when the first token needs them. Then they are kept, and fetched again in the
 * background. While their server is down, the last keys stay in use. One fetch runs at a time. A server that fails, or a flood of unknown
 * key ids, costs one fetch in a `retryInterval`. An unknown key id is refused only after a further fetch, which must begin after the first
 * token with this id came. An earlier fetch perhaps missed a key that was just published.
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
  /** How many fetches have begun, and the number of the fetch that `keys` come from. */
  let begun = 0
  let keysFrom = 0
  /** The timer that begins the next fetch in the background, at `nextAt`. Undefined until the first fetch has ended. */
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

  /** Resolves after the running fetch, or if none runs, after a new one. */
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

  /**
   * Resolves after a fetch with a number above `number` has succeeded. Resolves without such a fetch if a fetch has failed, or if an
   * unknown key id has caused a fetch in the last `retryInterval`.
   */
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

  /** Remembers the key id of a header, and returns how many fetches had begun when it was first seen. */
  const firstSeen = (header: Partial<JWTHeaderParameters>): number => {
    const hash = hashOf(header)
    const known = unknown.get(hash)
    if (known === undefined) unknown.set(hash, begun)
    return known ?? begun
  }

  /** Returns the key that a token's header names, from the fetched keys `from`. */
  const pick = async (from: JWTVerifyGetKey, ...of: Parameters<JWTVerifyGetKey>) => {
    try {
      return await from(...of)
    } catch (error) {
      const { JWKSNoMatchingKey, JWKSMultipleMatchingKeys } = errors
      // The set has the key, but jose can't import it, or it is a private key. Only the set's owner can change that, so the log says it.
      if (!(error instanceof JWKSNoMatchingKey || error instanceof JWKSMultipleMatchingKeys))
        onError(new Error("The key set has a key that can't be used.", { cause: error }))
      throw error
    }
  }

  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })

  return {
    age: () => (keys ? performance.now() - fetchedAt : null),
    async resolve(header, token) {
      // If there is no timer, no fetch has ended yet, so a start waits for the first one. If there is a timer and there are no keys, all
      // fetches have failed. Then a start waits only for a fetch that already runs.
      if (!keys && (fetching || !timer)) await refresh()
      if (!keys) throw unavailable()
      try {
        return await pick(keys, header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      }
      const seen = firstSeen(header)
      await refreshAfter(seen)
      if (hasFailed) throw unavailable()
      try {
        // The server may have the key by now.
        return await pick(keys, header, token)
      } catch (error) {
        throw error instanceof errors.JWKSNoMatchingKey && keysFrom <= seen ? unavailable() : error
      }
    },
  }
}
