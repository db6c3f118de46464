import { closeAction, type GatewayFrameOf } from '../../protocol/index.js'
import { disconnected, leave, lost, retry, started } from './connecting.js'
import { checkConnection, probeAfterSleep, resetHeartbeat } from './heartbeat.js'
import {
  fetchedWhileActive,
  pendingToken,
  renewalDue,
  renewed,
  sendGivenToken,
  supersededAnswer,
  tokenRefused,
  useSource,
} from './renewal.js'
import { close, endAndClose, endWith, pong, prepend } from './steps.js'
import { ended, PROBE_ID } from './state.js'
import { reconnectSpread } from './waits.js'
import type { Active, AnswerType, Closed, Input, SessionFrame, Step, World } from './state.js'

/** The code of a close without a close frame (RFC 6455, 7.1.5). */
const NO_CLOSE_FRAME = 1006

const onClosed = (state: Active, closed: Closed, world: World): Step => {
  const { code, reason } = closed
  const before = disconnected(state)
  // `timeout` says that no frame has reached the gateway for too long. Perhaps the network passes on a handshake with the start, and
  // swallows all later frames. So the next start is sent as a frame: on such a network that attempt fails, and a stream can be tried.
  const next = reason?.code === 'timeout' ? { ...before, startAsFrame: true } : before
  // While a new token has no answer, a close that asks for fresh credentials is about the token before it. So the new token is tried.
  if (pendingToken(state) && closeAction(code) === 'refetch')
    return retry(next, { code: 'token-expired' }, world)
  const isSilent = code === NO_CLOSE_FRAME && !reason
  return lost(next, closed, world, isSilent ? reconnectSpread(state.info, world) : 0)
}

const deliver = (state: Active, frame: GatewayFrameOf<'message' | AnswerType>): Step => [
  state,
  { do: 'deliver', frame },
]

/**
 * Delivers a message, unless it arrived before. The `unread` of `started` counts the messages up to its `offset`, so only a message after
 * that offset raises the count.
 */
const received = (state: Active, frame: GatewayFrameOf<'message'>): Step => {
  const { info, cursor } = state
  const { offset, from } = frame
  if (offset <= cursor.offset) return [state]
  const unread = info.unread + (offset > info.offset && from !== info.user.id ? 1 : 0)
  return deliver({ ...state, info: { ...info, unread }, cursor: { ...cursor, offset } }, frame)
}

/** If the protocol gets a new type of frame, this function compiles only when the type has a case or is an `AnswerType`. */
const onFrame = (state: Active, frame: SessionFrame, world: World): Step => {
  const superseded = supersededAnswer(state, frame)
  if (superseded) return superseded
  switch (frame.type) {
    case 'ping':
      return [state, pong]
    case 'renewed':
      return renewed(state, frame, world)
    case 'refused':
      return frame.re === 'token' ? tokenRefused(state, frame, world) : deliver(state, frame)
    case 'user':
      return deliver({ ...state, info: { ...state.info, user: frame.user } }, frame)
    case 'unread': {
      const { type, ...counts } = frame
      return deliver({ ...state, info: { ...state.info, ...counts } }, frame)
    }
    case 'message':
      return received(state, frame)
    case 'history':
      return frame.id === PROBE_ID ? [state] : deliver(state, frame)
    // A second `started` means that a WebSocket has taken over from a stream.
    case 'started':
      return started(disconnected(state), frame, world)
    // The other frames of `AnswerType` come here. In the script-tag build, which does not check frames (parse-frame.ts), unknown frames of
    // a newer gateway come here, too. They answer no request, so they change nothing.
    default:
      return deliver(state, frame)
  }
}

/** No frame has arrived before the deadline. */
const onSilence = (state: Active, world: World): Step =>
  probeAfterSleep(state, world) ??
  prepend(close, retry(disconnected(state), { code: 'timeout' }, world, reconnectSpread(state.info, world)))

const onTime = (state: Active, world: World): Step => {
  const { now } = world
  const { credentials, heartbeatDeadline, stableAt } = state
  if (heartbeatDeadline <= now) return onSilence(state, world)
  if ('until' in credentials && credentials.until <= now) return renewalDue(state, credentials)
  if (stableAt <= now) return [{ ...state, stableAt: Infinity, connectFailures: 0 }]
  return [state]
}

export const stepActive = (state: Active, input: Input, world: World): Step => {
  switch (input.type) {
    case 'end':
      return [ended, ...endAndClose]
    case 'credentials':
      return sendGivenToken(state)
    case 'source':
      return useSource(state)
    case 'fetch-result':
      return fetchedWhileActive(state, input, world)
    case 'frame':
      return onFrame({ ...state, ...resetHeartbeat(state.info.pingInterval, world) }, input.frame, world)
    case 'closed':
      return onClosed(state, input, world)
    case 'fatal':
      return endWith(state, input.fault, close)
    case 'time':
      return onTime(state, world)
    case 'wake':
      return checkConnection(state, world)
    case 'leave':
      return leave(disconnected(state), input.phase)
    default:
      return [state]
  }
}
