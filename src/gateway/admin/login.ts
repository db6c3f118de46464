import { createHash, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Settings } from '../config/parse.js'
import { addressKey } from '../limits/connection-limits.js'

/** `read`: the caller has the `readToken` and may change nothing. */
export type Role = 'admin' | 'read'

export type LoginResult =
  | { ok: true; role: Role }
  /** `retryAfter`: seconds until this address may try again; 0 if it may at once. */
  | { ok: false; retryAfter: number }

type AdminSettings = NonNullable<Settings['admin']>

export interface Login {
  /** Checks the `Authorization` header of a request from this address. */
  check(authorization: string | undefined, address: string): LoginResult
}

/** Failures of one address that are answered at once. After them it has one every `FAILURE_INTERVAL` milliseconds. */
const MAX_FAILURES = 10
const FAILURE_INTERVAL = 10_000
/** Addresses whose failures are kept. */
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
 * Checks the admin tokens and slows down guessing. `current` returns the settings for each request anew, since a reload may change the tokens.
 * `clock` returns milliseconds.
 */
export const createLogin = (
  current: () => Pick<AdminSettings, 'token' | 'readToken'>,
  clock: () => number = () => performance.now(),
): Login => {
  const addresses = new LRUCache<string, Failures>({ max: MAX_ADDRESSES })

  const roleOf = (digest: Buffer): Role | undefined => {
    const { token, readToken } = current()
    // Hashes have one length, and both are compared: the time says nothing about the tokens.
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
      const key = addressKey(address)
      const count = failuresOf(key)
      if (count > MAX_FAILURES - 1)
        return { ok: false, retryAfter: Math.ceil(((count - MAX_FAILURES + 1) * FAILURE_INTERVAL) / 1_000) }
      const digest = hash(token)
      const role = roleOf(digest)
      if (role) return { ok: true, role }
      // A repeated token guesses nothing. A scraper that still has an old token must not lock out the operator at the same address.
      const isRepeated = addresses.get(key)?.digest.equals(digest) ?? false
      addresses.set(key, { count: count + Number(!isRepeated), at: clock(), digest })
      return { ok: false, retryAfter: 0 }
    },
  }
}
