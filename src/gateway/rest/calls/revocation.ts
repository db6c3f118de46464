import type { Revocation } from '../../../engine/index.js'
import { REAUTH_TIMEOUT } from '../../sessions/renewals.js'
import { CallError } from '../errors.js'

/** How many milliseconds a backend's clock may be ahead of the gateway's. Tokens have the same leeway. */
const MAX_AHEAD = 30_000

/** Seconds within which a client must send another token. */
export const REAUTH_WITHIN = REAUTH_TIMEOUT / 1000

/**
 * Returns the revocation that a call's query asks for. Throws a `CallError` of code `bad-request` if its `issuedBefore` is too far ahead.
 */
export const revocationOf = ({
  issuedBefore,
  mode = 'end',
}: {
  issuedBefore?: number | undefined
  mode?: Revocation['mode'] | undefined
}): Revocation => {
  if (issuedBefore === undefined) return { issuedBefore: null, mode }
  const time = Math.round(issuedBefore * 1000)
  if (time > Date.now() + MAX_AHEAD)
    throw new CallError(
      'bad-request',
      "The query's 'issuedBefore' is more than 30 s ahead: it is Unix time in seconds, so compare the clocks.",
    )
  return { issuedBefore: time, mode }
}
