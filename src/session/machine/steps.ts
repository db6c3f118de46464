import type { Active, AskReason, Connecting, Effect, Fault, Step } from './state.js'

/* Steps and effects that several states share. */

export const close: Effect = { do: 'close' }

/** The effects that end the session at the gateway. */
export const endAndClose: Effect[] = [{ do: 'send', frame: { type: 'end' } }, close]

/** Posts the messages that wait, because the user leaves the page. */
export const postSends: Effect = { do: 'post-sends' }

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
