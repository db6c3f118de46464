import { createHash, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Settings } from '../config/parse.js'
import { addressKey } from '../limits/connection-limits.js'

/** `read`: the caller has the `readToken` and may change nothing. */
export type Role = 'admin' | 'read'

type LoginResult =
  | { ok: true; role: Role }
  /** `retryAfter`: seconds until this address may try another wrong token; 0 if it may try one at once. */
  | { ok: false; retryAfter: number }

type AdminSettings = NonNullable<Settings['admin']>

export interface Login {
  /** Checks the `Authorization` header of a request from this address. */
  check(authorization: string | undefined, address: string): LoginResult
}

/**
 * After this many wrong tokens an address may try one more every `FAILURE_INTERVAL` milliseconds. Wrong tokens in between get 429, not 401.
 */
const MAX_FAILURES = 10
const FAILURE_INTERVAL = 10_000
/** For how many addresses the failures are kept. */
const MAX_ADDRESSES = 10_000

interface Failures {
  count: number
  /** When `count` was computed, on the monotonic clock. */
  at: number
  /** The hash of the latest wrong token. */
  digest: Buffer
}

const hash = (token: string): Buffer => createHash('sha256').update(token).digest()

const bearerToken = (authorization: string | undefined): string | undefined =>
  /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1]

/**
 * Checks the admin tokens and limits failed log-ins. The right token is accepted at any time, because a stranger may share the operator's
 * address, for example behind the same proxy. So the limit does not make guessing slower. It need not: to find a token of 32 random
 * bytes, a million guesses a second would take 10^63 years. `current` is called for each token, because a reload may change the
 * config's tokens. `clock` returns milliseconds.
 */
export const createLogin = (
  current: () => Pick<AdminSettings, 'token' | 'readToken'>,
  clock: () => number = () => performance.now(),
): Login => {
  const addresses = new LRUCache<string, Failures>({ max: MAX_ADDRESSES })

  const roleOf = (digest: Buffer): Role | undefined => {
    const { token, readToken } = current()
    // All hashes have the same length, and both comparisons are always made. So the time that they take says nothing about the tokens.
    const isAdmin = timingSafeEqual(digest, hash(token))
    const isRead = timingSafeEqual(digest, hash(readToken ?? token)) && readToken !== null
    return isAdmin ? 'admin' : isRead ? 'read' : undefined
  }

  const failuresOf = (key: string): number => {
    const failures = addresses.get(key)
    return failures ? Math.max(0, failures.count - (clock() - failures.at) / FAILURE_INTERVAL) : 0
  }

  return {
    check(authorization, address) {
      const token = bearerToken(authorization)
      if (token === undefined) return { ok: false, retryAfter: 0 }
      const digest = hash(token)
      const role = roleOf(digest)
      if (role) return { ok: true, role }
      const key = addressKey(address)
      const count = failuresOf(key)
      if (count > MAX_FAILURES - 1)
        return { ok: false, retryAfter: Math.ceil(((count - MAX_FAILURES + 1) * FAILURE_INTERVAL) / 1_000) }
      // A repeated token is no new guess. A scraper that still has an old token is answered with 401, which says what is wrong.
      const isRepeated = addresses.get(key)?.digest.equals(digest) ?? false
      addresses.set(key, { count: count + Number(!isRepeated), at: clock(), digest })
      return { ok: false, retryAfter: 0 }
    },
  }
}
