import type {
  Connecting,
  CredentialPhase,
  Cursor,
  Fault,
  Over,
  Renewal,
  SessionInfo,
  SocketPhase,
  State,
} from './state.js'

/* What other code reads of a state. */

export const isConnecting = (state: State): state is Connecting =>
  state.name === 'starting' || state.name === 'reconnecting'

export const isOver = (state: State): state is Over => state.name === 'ended' || state.name === 'failed'

/** Returns the gateway's latest state of the session; null while there is none. */
export const infoOf = (state: State): SessionInfo | null => ('info' in state ? state.info : null)

/** Returns the error with which the session ended, or with which its last attempt failed. */
export const errorOf = (state: State): Fault | null => ('error' in state ? state.error : null)

export const cursorOf = (state: State): Cursor | null => ('cursor' in state ? state.cursor : null)

const socketAt = (state: State): SocketPhase['at'] | undefined =>
  'socket' in state ? state.socket.at : undefined

/** Returns whether the user has left the page. */
export const isPageLeft = (state: State): boolean => socketAt(state) === 'left'

/** Returns whether the page sleeps, and has a session. */
export const isAsleep = (state: State): boolean => socketAt(state) === 'asleep' && infoOf(state) !== null

/** Returns whether the attempt's connection is opening, or open and without an answer to the start. */
export const isUnderWay = (socket: SocketPhase): socket is Extract<SocketPhase, { until: number }> =>
  'until' in socket && socket.at !== 'backoff'

/** Returns whether the page is frozen or sleeps. */
export const isDormant = (state: State): boolean =>
  socketAt(state) === 'frozen' || socketAt(state) === 'asleep'

/** Returns whether the page has given up its connection. Meanwhile another page may resume its session. */
export const isPageGone = (state: State): boolean => isPageLeft(state) || isDormant(state)

/** Returns the name of the state for the page. A session whose page is frozen or sleeps is `active`. */
export const nameOf = (state: State): State['name'] =>
  isDormant(state) && infoOf(state) ? 'active' : state.name

/** Returns the time that a phase waits for; Infinity if it waits for none. */
const untilOf = (phase: SocketPhase | CredentialPhase | Renewal): number =>
  'until' in phase ? phase.until : Infinity

/** Returns when the state needs its next `time` input; Infinity if it waits for no deadline. */
export const deadlineOf = (state: State): number => {
  if (isConnecting(state)) return Math.min(untilOf(state.socket), untilOf(state.credentials))
  if (state.name === 'active')
    return Math.min(state.heartbeatDeadline, state.stableAt, untilOf(state.credentials))
  return Infinity
}

/** Returns when the next attempt is made; null when none is scheduled. */
export const retryDeadlineOf = (state: State): number | null => {
  if (!isConnecting(state)) return null
  const { socket, credentials } = state
  if (socket.at === 'backoff') return socket.until
  return credentials.at === 'backoff' ? credentials.until : null
}
