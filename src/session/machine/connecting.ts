import { closeAction, codeOfClose, isRevivable, pageCloseCodes } from '../../protocol/index.js'
import {
  backoff,
  endWith,
  fetchToken,
  prepend,
  renewalSchedule,
  emitFetchError,
  resetHeartbeat,
  sendEndAndClose,
} from './policy.js'
import { ended, isPageGone } from './state.js'
import type {
  Active,
  AskReason,
  Closed,
  Connecting,
  Fault,
  Input,
  MachineContext,
  SessionInfo,
  SocketPhase,
  Step,
  World,
} from './state.js'

/** Milliseconds in which an attempt has to bring `started`. */
export const ATTEMPT_TIMEOUT = 20_000
/**
 * Firefox closes a page's sockets with 1001 as soon as a navigation begins. After `retryAfter` most of these pages are gone. If the
 * navigation turns out to be a download, the page stays, and reconnects.
 */
const NAVIGATION = { code: pageCloseCodes.leaving, retryAfter: 1_000 }
/** Milliseconds after which a connection counts as stable, and the failures before it are forgotten. */
const STABLE_AFTER = 10_000

const initialContext: MachineContext = {
  connectFailures: 0,
  fetchFailures: 0,
  rejections: 0,
  startAsFrame: false,
  expiresAt: Infinity,
  cursor: null,
}

/** A state without a connection. */
export const connecting = (name: Connecting['name'], context = initialContext): Connecting => ({
  ...context,
  name,
  socket: { at: 'none' },
  credentials: { at: 'held' },
  error: null,
  info: null,
})

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
  return prepend({ do: 'discard', which: 'all' }, fetchToken(next, reason))
}

/**
 * Connects with the credentials that there are. If there are none, they are fetched; if there is a token source, the socket opens
 * meanwhile.
 */
export const connect = (state: Connecting, world: World): Step => {
  if (state.expiresAt <= world.now) return refetch(state, { code: 'token-expired' }, 'expiring')
  if (world.credentials === 'held') return open(state, world)
  const reason = 'first'
  if (world.credentials === 'none') return fetchToken({ ...state, socket: { at: 'none' } }, reason)
  return [
    ...open({ ...state, credentials: { at: 'fetching', reason } }, world),
    { do: 'fetch-token', reason },
  ]
}

/** Called when the connection is lost or the attempt failed. The wait is the error's `retryAfter`; without it at least `spread`. */
export const retry = (state: Connecting, error: Fault, world: World, spread = 0): Step => {
  if (!hasCredentials(state)) return [{ ...state, error, socket: { at: 'none' } }]
  const wait = error.retryAfter ?? Math.max(spread, backoff(state.connectFailures, world))
  const next: Connecting = {
    ...state,
    error,
    connectFailures: state.connectFailures + 1,
    socket: { at: 'backoff', until: world.now + wait },
  }
  return wait > 0 ? [next] : connect(next, world)
}

/** The close code decides: retry, fetch fresh credentials, or end. */
export const lost = (state: Connecting, { code, reason }: Closed, world: World, spread = 0): Step => {
  const navigation = code === NAVIGATION.code && { retryAfter: NAVIGATION.retryAfter }
  const error = reason ?? { code: codeOfClose(code), ...navigation }
  const action = closeAction(code)
  if (action === 'retry') return retry(state, error, world, spread)
  if (action !== 'refetch') return endWith(state, error)
  const rejections = state.rejections + (state.credentials.at === 'fresh' ? 1 : 0)
  return rejections < 2
    ? refetch({ ...state, rejections }, error, 'rejected')
    : endWith(state, error, { do: 'discard', which: 'all' })
}

export const started = (state: Connecting, info: SessionInfo, world: World): Step => {
  const { resumeKey: key, epoch, offset, lost } = info
  const { socket, credentials, error, ...context } = state
  const { cursor } = context
  // An inbox that may have lost messages begins a new epoch. If the cursor's offset is beyond the inbox's newest one, the inbox was
  // restored from a backup. In both cases the cursor starts again at 0.
  const isKnown = cursor?.epoch === epoch && cursor.offset <= offset
  const next: Active = {
    ...context,
    name: 'active',
    // `started` has no `readOffset`. But if nothing is unread, all messages up to `offset` are read.
    info: info.unread ? info : { ...info, readOffset: offset },
    ...resetHeartbeat(info.pingInterval, world),
    // If no attempt has failed, there is nothing to reset, so no timer is set: an idle session wakes its page only for pings.
    stableAt: context.connectFailures ? world.now + STABLE_AFTER : Infinity,
    fetchFailures: 0,
    rejections: 0,
    cursor: { key, epoch, offset: !cursor ? offset : isKnown ? cursor.offset : 0 },
    ...renewalSchedule(info.expiresIn, world),
  }
  return [
    next,
    { do: 'accept-credentials', token: info.token },
    { do: 'send', frame: { type: 'pong' } },
    ...(cursor && lost ? [{ do: 'emit-error', fault: { code: 'messages-lost' } } as const] : []),
  ]
}

const fetched = (
  state: Connecting,
  { result, cause }: Input & { type: 'fetch-result' },
  world: World,
): Step => {
  const { socket, credentials } = state
  if (credentials.at !== 'fetching') return [state]
  switch (result) {
    case 'fresh': {
      const next: Connecting = { ...state, credentials: { at: 'fresh' }, fetchFailures: 0 }
      if (socket.at === 'open')
        return [{ ...next, socket: { ...socket, at: 'start-sent' } }, { do: 'send-start' }]
      return socket.at === 'none' ? open(next, world) : [next]
    }
    case 'signed-out':
      return endWith(state, { code: 'signed-out' }, { do: 'close' })
    case 'no-source':
      // The credentials have expired by this device's clock, which may be fast. So they are sent, and the gateway decides.
      return credentials.reason === 'expiring' && world.credentials === 'held'
        ? open({ ...state, credentials: { at: 'held' } }, world)
        : endWith(
            state,
            // The session ends with a revivable error, so that new credentials start it again.
            state.error && isRevivable(state.error.code) ? state.error : { code: 'no-credentials' },
            { do: 'close' },
          )
    case 'failed': {
      const fetchFailures = state.fetchFailures + 1
      const until = world.now + backoff(fetchFailures, world)
      const emitError = emitFetchError(cause)
      return [
        {
          ...state,
          error: emitError.fault,
          fetchFailures,
          socket: { at: 'none' },
          credentials: { at: 'backoff', until, reason: credentials.reason },
        },
        { do: 'close' },
        emitError,
      ]
    }
  }
}

/**
 * A proxy that refuses the header with the start looks like a network that is down. So if the socket of an attempt did not open, the next
 * attempt moves the start from the header into the first frame, or back.
 */
const moveStart = (state: Connecting): Connecting => {
  const { at } = state.socket
  return { ...state, startAsFrame: at === 'opening-with-start' || (at !== 'opening' && state.startAsFrame) }
}

export const stepConnecting = (state: Connecting, input: Input, world: World): Step => {
  const { socket, credentials } = state
  switch (input.type) {
    case 'end':
      return [
        ended,
        ...(socket.at === 'opening-with-start'
          ? [{ do: 'end-after-open' } as const]
          : sendEndAndClose.slice(socket.at === 'start-sent' ? 0 : 1)),
      ]
    case 'credentials': {
      if (isPageGone(state)) return [state]
      const next: Connecting = {
        ...state,
        credentials: { at: 'held' },
        expiresAt: Infinity,
        fetchFailures: 0,
      }
      const [after, ...effects] = connect(next, world)
      // If there is no session to resume, the start that was sent may have begun one. Nobody would resume that session, so it is ended.
      return [
        after,
        ...sendEndAndClose.slice(socket.at === 'start-sent' && !state.cursor?.key ? 0 : 1),
        ...effects,
      ]
    }
    case 'fetch-result':
      return fetched(state, input, world)
    case 'opened':
      if (socket.at === 'opening-with-start') return [{ ...state, socket: { ...socket, at: 'start-sent' } }]
      if (socket.at !== 'opening') return [state]
      return hasCredentials(state)
        ? [{ ...state, socket: { ...socket, at: 'start-sent' } }, { do: 'send-start' }]
        : [{ ...state, socket: { ...socket, at: 'open' } }]
    case 'deadline':
      return ['until' in socket ? { ...state, socket: { ...socket, until: input.until } } : state]
    case 'frame':
      return input.frame.type === 'started' ? started(state, input.frame, world) : [state]
    case 'closed':
      return lost(moveStart(state), input, world)
    case 'fatal':
      return endWith(state, input.fault, { do: 'close' })
    case 'time': {
      if (credentials.at === 'backoff' && credentials.until <= world.now)
        return fetchToken(state, credentials.reason)
      if (!('until' in socket) || socket.until > world.now) return [state]
      if (socket.at === 'backoff') return connect(state, world)
      return prepend({ do: 'close' }, retry(moveStart(state), { code: 'timeout' }, world))
    }
    case 'wake':
      if (credentials.at === 'backoff') return fetchToken(state, credentials.reason)
      return socket.at === 'backoff' || socket.at === 'page-asleep' ? connect(state, world) : [state]
    case 'show': {
      if (socket.at !== 'page-hidden') return [state]
      const { resume } = input
      if (resume === null) return [ended]
      const { cursor } = state
      // Another page may have gone on with the session. This page takes the session's latest key, but keeps its own offset, to get the
      // messages that it has missed.
      return connect({ ...state, cursor: resume ? { ...resume, ...cursor, key: resume.key } : cursor }, world)
    }
    default:
      return [state]
  }
}
