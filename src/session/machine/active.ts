import { closeAction, type GatewayFrameOf } from '../../protocol/index.js'
import { connecting, lost, retry, started } from './connecting.js'
import {
  backoff,
  endWith,
  fetchToken,
  prepend,
  reconnectSpread,
  renewalSchedule,
  emitFetchError,
  resetHeartbeat,
  sendEndAndClose,
} from './policy.js'
import { ended } from './state.js'
import type {
  Active,
  AnswerType,
  Closed,
  Connecting,
  Effect,
  Input,
  SessionFrame,
  Step,
  World,
} from './state.js'

/**
 * If the heartbeat's timer is late by more milliseconds than this, the device slept or its clock was set forward. Then frames may be queued
 * behind the timer. So the session sends a probe, and waits this many milliseconds for an answer.
 */
const SLEEP_GRACE = 2_000
/** The code of a close without a close frame (RFC 6455, 7.1.5). */
const NO_CLOSE_FRAME = 1006
/** Milliseconds in which a frame has to arrive on a connection that may be dead. */
const PROBE_TIMEOUT = 5_000

/** The token that was sent and that the gateway has neither accepted nor refused for good. */
const pendingToken = ({ credentials }: Active): { fetched: boolean } | null =>
  'fetched' in credentials ? credentials : null

const sendToken = (state: Active, fetched: boolean, superseded = 0): Step => [
  { ...state, credentials: { at: 'sent', fetched, superseded } },
  { do: 'send-token' },
]

export const disconnected = (state: Active): Connecting => {
  const { credentials, heartbeatDeadline, sleepGraceUsed, stableAt, ...context } = state
  const next: Connecting = { ...connecting('reconnecting', context), info: state.info }
  const pending = pendingToken(state)
  return pending
    ? { ...next, expiresAt: Infinity, credentials: { at: pending.fetched ? 'fresh' : 'held' } }
    : next
}

const closed = (state: Active, close: Closed, world: World): Step => {
  const { code, reason } = close
  const next = disconnected(state)
  // `timeout` says that no frame has reached the gateway for too long. Perhaps the network passes on a handshake with the start, and
  // swallows all later frames. So the next start is sent as a frame: on such a network that attempt fails, and a stream can be tried.
  next.startAsFrame ||= reason?.code === 'timeout'
  // While a new token has no answer, a close that asks for fresh credentials is about the token before it. So the new token is tried.
  if (pendingToken(state) && closeAction(code) === 'refetch')
    return retry(next, { code: 'token-expired' }, world)
  const isSilent = code === NO_CLOSE_FRAME && !reason
  return lost(next, close, world, isSilent ? reconnectSpread(state.info, world) : 0)
}

const fetched = (state: Active, { result, cause }: Input & { type: 'fetch-result' }, world: World): Step => {
  const { credentials } = state
  if (credentials.at !== 'fetching') return [state]
  switch (result) {
    case 'fresh':
      return sendToken({ ...state, fetchFailures: 0 }, true)
    case 'no-source':
      return [{ ...state, credentials: { at: 'held' } }]
    case 'signed-out':
      return endWith(state, { code: 'signed-out' }, { do: 'discard', which: 'all' }, ...sendEndAndClose)
    case 'failed': {
      const fetchFailures = state.fetchFailures + 1
      const until = world.now + backoff(fetchFailures, world)
      return [
        {
          ...state,
          fetchFailures,
          credentials: { at: 'scheduled', until, reason: credentials.reason },
        },
        emitFetchError(cause),
      ]
    }
  }
}

/**
 * Called when a token was refused. The session goes on with the token that the gateway accepted before. If the refusal is retryable, the
 * session sends the refused token again later. Otherwise, if the session had fetched that token, it fetches another one at once. If that
 * one is refused, too, the session ends.
 */
const tokenRefused = (state: Active, frame: GatewayFrameOf<'refused'>, world: World): Step => {
  const discard: Effect = { do: 'discard', which: 'newest' }
  const emitError: Effect = { do: 'emit-error', fault: frame }
  const pending = pendingToken(state)
  if (pending && frame.retryable) {
    const fetchFailures = state.fetchFailures + 1
    const until = world.now + (frame.retryAfter ?? backoff(fetchFailures, world))
    return [
      {
        ...state,
        fetchFailures,
        credentials: { at: 'retrying', until, fetched: pending.fetched },
      },
      emitError,
    ]
  }
  if (!pending?.fetched)
    return [{ ...state, ...renewalSchedule(state.expiresAt - world.now, world) }, discard, emitError]
  const rejections = state.rejections + 1
  if (rejections >= 2) return endWith(state, frame, { do: 'discard', which: 'all' }, ...sendEndAndClose)
  return [
    { ...state, rejections, credentials: { at: 'scheduled', until: world.now, reason: 'rejected' } },
    discard,
    emitError,
  ]
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

/**
 * Requests the message after the cursor. As a rule there is none, but the answer shows that the connection is alive. The id is empty, so
 * that the answer is never taken for the answer to a message: a message's id has at least one character.
 */
const probe = (state: Active): Effect => {
  const { epoch, offset } = state.cursor
  return { do: 'send', frame: { type: 'history', id: '', epoch, after: offset, limit: 1 } }
}

const onWake = (state: Active, { now }: World): Step => {
  const heartbeatDeadline = now + PROBE_TIMEOUT
  return state.heartbeatDeadline <= heartbeatDeadline
    ? [state]
    : [{ ...state, heartbeatDeadline }, probe(state)]
}

/** If the protocol gets a new type of frame, this function compiles only when the type has a case or is an `AnswerType`. */
const onFrame = (state: Active, frame: SessionFrame, world: World): Step => {
  const { credentials } = state
  // A `renewed` with `reauth` is no answer: the backend has revoked the credentials, and the gateway waits for new ones.
  const isReauth = frame.type === 'renewed' && frame.reauth
  const answersToken = frame.type === 'renewed' ? !isReauth : frame.type === 'refused' && frame.re === 'token'
  // The gateway answers tokens in the order in which they were sent, so this answer is about a token that a newer one has replaced.
  if (answersToken && credentials.at === 'sent' && credentials.superseded)
    return [{ ...state, credentials: { ...credentials, superseded: credentials.superseded - 1 } }]
  switch (frame.type) {
    case 'ping':
      return [state, { do: 'send', frame: { type: 'pong' } }]
    case 'renewed':
      if (isReauth) {
        const due = { ...state, expiresAt: renewalSchedule(frame.expiresIn, world).expiresAt }
        return credentials.at === 'held' || credentials.at === 'scheduled'
          ? fetchToken(due, 'rejected')
          : [due]
      }
      return [
        { ...state, fetchFailures: 0, rejections: 0, ...renewalSchedule(frame.expiresIn, world) },
        { do: 'accept-credentials' },
      ]
    case 'refused':
      if (frame.re === 'token') return tokenRefused(state, frame, world)
      return deliver(state, frame)
    case 'user':
    case 'unread': {
      const { type, ...changes } = frame
      return deliver({ ...state, info: { ...state.info, ...changes } }, frame)
    }
    case 'message':
      return received(state, frame)
    // A second `started` means that a WebSocket has taken over from a stream.
    case 'started':
      return started(disconnected(state), frame, world)
    // The other frames of `AnswerType` come here. In the script-tag build, which does not check frames (parse-frame.ts), unknown frames of
    // a newer gateway come here, too. They answer no request, so they change nothing.
    default:
      return deliver(state, frame)
  }
}

const onTime = (state: Active, world: World): Step => {
  const { now } = world
  const { credentials, heartbeatDeadline, stableAt } = state
  if (heartbeatDeadline <= now) {
    if (!state.sleepGraceUsed && now - heartbeatDeadline > SLEEP_GRACE)
      return [{ ...state, sleepGraceUsed: true, heartbeatDeadline: now + SLEEP_GRACE }, probe(state)]
    const spread = reconnectSpread(state.info, world)
    return prepend({ do: 'close' }, retry(disconnected(state), { code: 'timeout' }, world, spread))
  }
  if ('until' in credentials && credentials.until <= now) {
    if (credentials.at === 'retrying') return sendToken(state, credentials.fetched)
    return fetchToken(state, credentials.reason)
  }
  if (stableAt <= now) return [{ ...state, stableAt: Infinity, connectFailures: 0 }]
  return [state]
}

export const stepActive = (state: Active, input: Input, world: World): Step => {
  switch (input.type) {
    case 'end':
      return [ended, ...sendEndAndClose]
    case 'credentials':
      return sendToken(state, false, state.credentials.at === 'sent' ? state.credentials.superseded + 1 : 0)
    case 'source':
      return state.credentials.at === 'held' ? fetchToken(state, 'expiring') : [state]
    case 'fetch-result':
      return fetched(state, input, world)
    case 'frame':
      return onFrame({ ...state, ...resetHeartbeat(state.info.pingInterval, world) }, input.frame, world)
    case 'closed':
      return closed(state, input, world)
    case 'fatal':
      return endWith(state, input.fault, { do: 'close' })
    case 'time':
      return onTime(state, world)
    case 'wake':
      return onWake(state, world)
    default:
      return [state]
  }
}
