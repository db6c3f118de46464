import { closeAction, codeOfClose, isRevivable, pageCloseCodes } from '../../protocol/index.js'
import { resetHeartbeat } from './heartbeat.js'
import { pendingToken, renewalSchedule } from './renewal.js'
import { isDormant, isPageGone, isUnderWay } from './selectors.js'
import {
  close,
  countFetchFailure,
  discardAll,
  endAndClose,
  endWith,
  fetchFault,
  fetchToken,
  pong,
  prepend,
} from './steps.js'
import { ended } from './state.js'
import { AFTER_NAVIGATION, ATTEMPT_TIMEOUT, reconnectWait } from './waits.js'
import type {
  Active,
  AskReason,
  Closed,
  Connecting,
  Cursor,
  Effect,
  Fault,
  Input,
  InputOf,
  PagePhase,
  SessionInfo,
  SocketPhase,
  Step,
  StoredSession,
  World,
} from './state.js'

/** Milliseconds after which a connection counts as stable, and the failures before it are forgotten. */
const STABLE_AFTER = 10_000

/** Returns the state of a session that begins, before its first attempt. */
export const starting = (cursor: Cursor | null): Connecting => ({
  name: 'starting',
  socket: { at: 'none' },
  credentials: { at: 'held' },
  error: null,
  info: null,
  connectFailures: 0,
  fetchFailures: 0,
  rejections: 0,
  startAsFrame: false,
  expiresAt: Infinity,
  cursor,
})

/** Returns the state of a session whose connection is lost, before its next attempt. A token without an answer is tried again. */
export const disconnected = (state: Active): Connecting => {
  const { heartbeatDeadline, sleepGraceUsed, stableAt, expiresAt, credentials, ...kept } = state
  const pending = pendingToken(state)
  return {
    ...kept,
    name: 'reconnecting',
    socket: { at: 'none' },
    credentials: { at: pending?.fetched ? 'fresh' : 'held' },
    error: null,
    expiresAt: pending ? Infinity : expiresAt,
  }
}

const hasCredentials = ({ credentials }: Connecting): boolean =>
  credentials.at === 'held' || credentials.at === 'fresh'

const open = (state: Connecting, world: World): Step => {
  const withStart = hasCredentials(state) && !state.startAsFrame
  const at = withStart ? 'opening-with-start' : 'opening'
  const socket: SocketPhase = { at, until: world.now + ATTEMPT_TIMEOUT }
  return [
    { ...state, socket },
    { do: 'open', withStart },
  ]
}

/** Forgets the credentials, which are no longer good, fetches others, and then connects. */
const refetch = (state: Connecting, error: Fault, reason: AskReason): Step => {
  const next: Connecting = { ...state, error, expiresAt: Infinity, socket: { at: 'none' } }
  return prepend(discardAll, fetchToken(next, reason))
}

/**
 * Connects with the credentials that there are. If there are none, they are fetched; if there is a token source, the connection opens
 * meanwhile.
 */
export const connect = (state: Connecting, world: World): Step => {
  if (state.expiresAt <= world.now) return refetch(state, { code: 'token-expired' }, 'expiring')
  const reason = 'first'
  switch (world.credentials) {
    case 'held':
      return open(state, world)
    case 'none':
      return fetchToken({ ...state, socket: { at: 'none' } }, reason)
    case 'fetchable':
      return [
        ...open({ ...state, credentials: { at: 'fetching', reason } }, world),
        { do: 'fetch-token', reason },
      ]
  }
}

/** Called when the connection is lost or the attempt failed. The next attempt follows after `reconnectWait`. */
export const retry = (state: Connecting, error: Fault, world: World, spread = 0): Step => {
  if (!hasCredentials(state)) return [{ ...state, error, socket: { at: 'none' } }]
  const wait = reconnectWait(error, state.connectFailures, spread, world)
  const next: Connecting = {
    ...state,
    error,
    connectFailures: state.connectFailures + 1,
    socket: { at: 'backoff', until: world.now + wait },
  }
  return wait > 0 ? [next] : connect(next, world)
}

const faultOf = ({ code, reason }: Closed): Fault => {
  if (reason) return { ...reason, fromGateway: true }
  if (code === pageCloseCodes.leaving) return { code: codeOfClose(code), retryAfter: AFTER_NAVIGATION }
  return { code: codeOfClose(code) }
}

/** The close code decides: retry, fetch fresh credentials, or end. */
export const lost = (state: Connecting, closed: Closed, world: World, spread = 0): Step => {
  const error = faultOf(closed)
  switch (closeAction(closed.code)) {
    case 'retry':
      return retry(state, error, world, spread)
    case 'refetch': {
      const rejections = state.rejections + (state.credentials.at === 'fresh' ? 1 : 0)
      return rejections < 2
        ? refetch({ ...state, rejections }, error, 'rejected')
        : endWith(state, error, discardAll)
    }
    default:
      return endWith(state, error)
  }
}

/**
 * Returns the offset of the newest message that arrived. An inbox that may have lost messages begins a new epoch. If the cursor's offset is
 * beyond the inbox's newest one, the inbox was restored from a backup. In both cases the offset starts again at 0. A page without a cursor
 * begins with the next message.
 */
const newestArrived = (cursor: Cursor | null, { epoch, offset }: SessionInfo): number => {
  if (!cursor) return offset
  return cursor.epoch === epoch && cursor.offset <= offset ? cursor.offset : 0
}

export const started = (state: Connecting, info: SessionInfo, world: World): Step => {
  const { connectFailures, startAsFrame, cursor } = state
  const { resumeKey: key, epoch } = info
  const next: Active = {
    name: 'active',
    // `started` has no `readOffset`. But if nothing is unread, all messages up to `offset` are read.
    info: info.unread ? info : { ...info, readOffset: info.offset },
    connectFailures,
    fetchFailures: 0,
    rejections: 0,
    startAsFrame,
    cursor: { key, epoch, offset: newestArrived(cursor, info) },
    // If no attempt has failed, there is nothing to reset, so no timer is set: an idle session wakes its page only for pings.
    stableAt: connectFailures ? world.now + STABLE_AFTER : Infinity,
    ...resetHeartbeat(info.pingInterval, world),
    ...renewalSchedule(info.expiresIn, world),
  }
  const lostMessages: Effect = { do: 'emit-error', fault: { code: 'messages-lost' } }
  return [
    next,
    { do: 'accept-credentials', token: info.token },
    pong,
    ...(cursor && info.lost ? [lostMessages] : []),
  ]
}

/** Sends the start on a connection that is open. */
const sendStart = (state: Connecting, { until }: Extract<SocketPhase, { until: number }>): Step => [
  { ...state, socket: { at: 'start-sent', until } },
  { do: 'send-start' },
]

const fetched = (state: Connecting, input: InputOf<'fetch-result'>, world: World): Step => {
  const { socket, credentials } = state
  if (credentials.at !== 'fetching') return [state]
  switch (input.result) {
    case 'fresh': {
      const next: Connecting = { ...state, credentials: { at: 'fresh' }, fetchFailures: 0 }
      if (socket.at === 'open') return sendStart(next, socket)
      return socket.at === 'none' ? open(next, world) : [next]
    }
    case 'signed-out':
      return endWith(state, { code: 'signed-out' }, close)
    case 'no-source': {
      // The credentials have expired by this device's clock, which may be fast. So they are sent, and the gateway decides.
      if (credentials.reason === 'expiring' && world.credentials === 'held')
        return open({ ...state, credentials: { at: 'held' } }, world)
      // The session ends with a revivable error, so that new credentials start it again.
      const { error } = state
      return endWith(state, error && isRevivable(error.code) ? error : { code: 'no-credentials' }, close)
    }
    case 'failed': {
      const { fetchFailures, until } = countFetchFailure(state, world)
      const error = fetchFault(input.cause)
      return [
        {
          ...state,
          error,
          fetchFailures,
          socket: { at: 'none' },
          credentials: { at: 'backoff', until, reason: credentials.reason },
        },
        close,
        { do: 'emit-error', fault: error },
      ]
    }
  }
}

/**
 * A proxy that refuses the header with the start looks like a network that is down. So if the connection of an attempt did not open, the
 * next attempt moves the start from the header into the first frame, or back.
 */
const moveStart = (state: Connecting): Connecting => {
  const { at } = state.socket
  const withStart = at === 'opening-with-start'
  return withStart || at === 'opening' ? { ...state, startAsFrame: withStart } : state
}

const end = ({ socket }: Connecting): Step => {
  switch (socket.at) {
    case 'opening-with-start':
      return [ended, { do: 'end-after-open' }]
    case 'start-sent':
      return [ended, ...endAndClose]
    default:
      return [ended, close]
  }
}

/** The page has set credentials, so the attempt begins again with them. */
const connectAgain = (state: Connecting, world: World): Step => {
  if (isPageGone(state)) return [state]
  const next: Connecting = {
    ...state,
    credentials: { at: 'held' },
    expiresAt: Infinity,
    fetchFailures: 0,
  }
  const [after, ...effects] = connect(next, world)
  // If there is no session to resume, the start that was sent may have begun one. Nobody would resume that session, so it is ended.
  const isEnded = state.socket.at === 'start-sent' && !state.cursor?.key
  return [after, ...(isEnded ? endAndClose : [close]), ...effects]
}

const onOpened = (state: Connecting): Step => {
  const { socket } = state
  switch (socket.at) {
    case 'opening-with-start':
      return [{ ...state, socket: { ...socket, at: 'start-sent' } }]
    case 'opening':
      return hasCredentials(state)
        ? sendStart(state, socket)
        : [{ ...state, socket: { ...socket, at: 'open' } }]
    default:
      return [state]
  }
}

/** Sets the time at which the attempt is given up. */
const setDeadline = (state: Connecting, until: number): Step => {
  const { socket } = state
  return isUnderWay(socket) ? [{ ...state, socket: { ...socket, until } }] : [state]
}

const onTime = (state: Connecting, world: World): Step => {
  const { socket, credentials } = state
  if (credentials.at === 'backoff' && credentials.until <= world.now)
    return fetchToken(state, credentials.reason)
  if (!('until' in socket) || socket.until > world.now) return [state]
  if (socket.at === 'backoff') return connect(state, world)
  return prepend(close, retry(moveStart(state), { code: 'timeout' }, world))
}

const wake = (state: Connecting, world: World): Step => {
  const { socket, credentials } = state
  if (credentials.at === 'backoff') return fetchToken(state, credentials.reason)
  return socket.at === 'backoff' || isDormant(state) ? connect(state, world) : [state]
}

/**
 * Called when the page gives up its connection. The user may sign out before the page comes back, so the credentials are discarded.
 * `discard` keeps those that no source can replace.
 */
export const leave = (state: Connecting, phase: PagePhase): Step => {
  const postSends: Effect = { do: 'post-sends' }
  // The browser also freezes a page in its cache, and a page that sleeps. Such a page has no connection to give up.
  if (phase !== 'left' && isPageGone(state)) return [state]
  return [
    { ...state, socket: { at: phase }, credentials: { at: 'held' }, expiresAt: Infinity },
    // This needs the credentials, and a stream takes no message after its close.
    ...(phase === 'left' ? [postSends] : []),
    discardAll,
    // To the gateway the connection of a frozen page looks lost, so the gateway keeps the session for `resumeWindow`.
    phase === 'frozen' ? close : { do: 'close', code: pageCloseCodes.hidden },
  ]
}

const show = (state: Connecting, stored: StoredSession, world: World): Step => {
  if (state.socket.at !== 'left') return [state]
  if (stored === 'ended') return [ended]
  if (typeof stored === 'string') return connect(state, world)
  // Another page may have gone on with the session. This page takes the session's latest key, but keeps its own position, to get the
  // messages that it has missed.
  return connect({ ...state, cursor: { ...stored, ...state.cursor, key: stored.key } }, world)
}

export const stepConnecting = (state: Connecting, input: Input, world: World): Step => {
  switch (input.type) {
    case 'end':
      return end(state)
    case 'credentials':
      return connectAgain(state, world)
    case 'fetch-result':
      return fetched(state, input, world)
    case 'opened':
      return onOpened(state)
    case 'queued':
      return setDeadline(state, Infinity)
    case 'served':
      return setDeadline(state, world.now + ATTEMPT_TIMEOUT)
    case 'frame':
      return input.frame.type === 'started' ? started(state, input.frame, world) : [state]
    case 'closed':
      return lost(moveStart(state), input, world)
    case 'fatal':
      return endWith(state, input.fault, close)
    case 'time':
      return onTime(state, world)
    case 'wake':
      return wake(state, world)
    case 'leave':
      return leave(state, input.phase)
    case 'told':
      return state.socket.at === 'asleep' && state.info
        ? [{ ...state, info: { ...state.info, ...input.news } }]
        : [state]
    case 'show':
      return show(state, input.stored, world)
    default:
      return [state]
  }
}
