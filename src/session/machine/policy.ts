import type { Active, AskReason, Connecting, Effect, Fault, SessionInfo, Step, World } from './state.js'

/** How many milliseconds the gateway's ping may be late. */
const PING_GRACE = 10_000
const MAX_BACKOFF = 30_000
/** The shortest window, in milliseconds, in which visible pages reconnect. */
const MIN_VISIBLE_WINDOW = 2_000

/** Returns the milliseconds to wait: 0 if `failureCount` is 0, else a random part of a limit that doubles with each failure. */
export const backoff = (failureCount: number, { random }: World): number =>
  failureCount && random * Math.min(MAX_BACKOFF, 1_000 * 2 ** (failureCount - 1))

/**
 * Returns the milliseconds to wait after a connection was lost without a reason. If a gateway crashes, this happens to all its clients, so
 * they reconnect at random times in the window that the gateway gave. Visible pages reconnect early in that window.
 */
export const reconnectSpread = ({ reconnectWindow = 0 }: SessionInfo, { random, hidden }: World): number =>
  random *
  (hidden ? reconnectWindow : Math.min(reconnectWindow, Math.max(reconnectWindow / 5, MIN_VISIBLE_WINDOW)))

/**
 * Returns when credentials that are good for `expiresIn` milliseconds expire, and when to fetch others: never, if `expiresIn` is null. The
 * fetch comes a tenth of `expiresIn` before they expire, but at least 5 s and at most 60 s before. If `expiresIn` is under 10 s, the fetch
 * comes after half of it. Without this rule a source that returns the same token until it expires would be called in a loop.
 */
export const renewalSchedule = (
  expiresIn: number | null,
  { now }: World,
): Pick<Active, 'expiresAt' | 'credentials'> => {
  const lifetime = expiresIn ?? Infinity
  const early = Math.min(60_000, lifetime / 2, Math.max(5_000, lifetime / 10))
  return {
    expiresAt: now + lifetime,
    credentials: { at: 'scheduled', until: now + lifetime - early, reason: 'expiring' },
  }
}

/** Returns a new deadline, at which the connection counts as dead if no further frame arrives. */
export const resetHeartbeat = (
  pingInterval: number,
  { now }: World,
): Pick<Active, 'heartbeatDeadline' | 'sleepGraceUsed'> => ({
  heartbeatDeadline: now + pingInterval + PING_GRACE,
  sleepGraceUsed: false,
})

/** Ends the session with an error. If the session was starting, the state is `failed`, else `ended`. */
export const endWith = (state: Connecting | Active, error: Fault, ...effects: Effect[]): Step => [
  { name: state.name === 'starting' ? 'failed' : 'ended', error, cursor: state.cursor },
  ...effects,
]

/** Puts `effect` before the effects of a step. */
export const prepend = (effect: Effect, [state, ...effects]: Step): Step => [state, effect, ...effects]

/** Fetches a token: for a start, or to renew the token of a live session. */
export const fetchToken = (state: Connecting | Active, reason: AskReason): Step => [
  { ...state, credentials: { at: 'fetching', reason } },
  { do: 'fetch-token', reason },
]

/**
 * Returns the text of a cause. Returns undefined if it has no text, such as an object without a prototype. Then the error has the sentence
 * of its code.
 */
const textOf = (cause: unknown): string | undefined => {
  try {
    return String(cause)
  } catch {
    return undefined
  }
}

/** Returns the effect that emits the cause of a failed fetch as an `error` event. The fetch is repeated later. */
export const emitFetchError = (cause: unknown): Effect & { do: 'emit-error' } => ({
  do: 'emit-error',
  fault: { code: 'unavailable', message: textOf(cause), cause },
})

/** The effects that end the session at the gateway. */
export const sendEndAndClose: Effect[] = [{ do: 'send', frame: { type: 'end' } }, { do: 'close' }]
