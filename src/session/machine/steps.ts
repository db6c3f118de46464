import type { Active, AskReason, Connecting, Effect, Fault, Step, World } from './state.js'
import { backoff } from './waits.js'

/* Steps and effects that several states share. */

export const close: Effect = { do: 'close' }

export const pong: Effect = { do: 'send', frame: { type: 'pong' } }

/** The effects that end the session at the gateway. */
export const endAndClose: Effect[] = [{ do: 'send', frame: { type: 'end' } }, close]

export const discardAll: Effect = { do: 'discard', which: 'all' }

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

/** Returns the fault of a fetch for a token that failed. The fetch is repeated later. */
export const fetchFault = (cause: unknown): Fault => ({ code: 'unavailable', message: textOf(cause), cause })

/** Counts a failure to fetch a token, or to have one checked, and returns when to try again. */
export const countFetchFailure = (
  state: Connecting | Active,
  world: World,
  retryAfter?: number,
): { fetchFailures: number; until: number } => {
  const fetchFailures = state.fetchFailures + 1
  return { fetchFailures, until: world.now + (retryAfter ?? backoff(fetchFailures, world)) }
}
