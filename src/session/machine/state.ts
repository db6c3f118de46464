import type { ClientFrameOf, GatewayFrame, GatewayFrameOf, Resumption } from '../../protocol/index.js'

/** Why a token is fetched: for a start, because the token in use expires soon, or because it was refused. */
export type AskReason = 'first' | 'expiring' | 'rejected'

/** The result of one fetch for credentials. `no-source`: there is nothing to fetch from, and no listener responded. */
export type FetchResult = 'fresh' | 'signed-out' | 'no-source' | 'failed'

/** The frames that answer requests, and `signal`. `unread`, `user` and `presence` come unasked, too. */
export type AnswerType = 'sent' | 'history' | 'peers' | 'unread' | 'user' | 'refused' | 'presence' | 'signal'

/** Why something went wrong, as data. The runner makes a `SessionError` of it. */
export interface Fault {
  code: string
  message?: string | undefined
  retryable?: boolean | undefined
  retryAfter?: number | undefined
  cause?: unknown
}

/**
 * The `started` frame, kept up to date by later frames. The marks are those of the latest `unread` frames. `transport` is there if a stream
 * brought the frame.
 */
export type SessionInfo = GatewayFrameOf<'started'> &
  Partial<Pick<GatewayFrameOf<'unread'>, 'readOffset' | 'with' | 'readOffsetWith'>> & { transport?: 'stream' }

/** Only `pageshow` opens another socket on a hidden page; `wake` on one that is frozen, so that no timer runs, or that sleeps. */
export type PagePhase = 'page-hidden' | 'page-asleep'

/** The phase of the attempt's socket. `until` is the time at which a socket is opened (`backoff`) or given up. */
export type SocketPhase =
  | { at: 'none' }
  | { at: PagePhase }
  | { at: 'backoff'; until: number }
  /** Opening with the start in the handshake; opening without; open, but the credentials are being fetched; start sent. */
  | { at: 'opening-with-start' | 'opening' | 'open' | 'start-sent'; until: number }

/** The phase of the credentials. Only `fresh` ones, which were just fetched, count as rejected (`rejections`). */
export type CredentialPhase =
  | { at: 'held' | 'fresh' }
  | { at: 'fetching'; reason: AskReason }
  | { at: 'backoff'; until: number; reason: AskReason }

/** The renewal of a live session's token. `fetched` is false for a token that the page set. */
export type Renewal =
  /** It will be fetched at `time`. */
  | { at: 'scheduled'; time: number; reason: AskReason }
  | { at: 'fetching'; reason: AskReason }
  /** `superseded` counts the tokens sent before it that the gateway has not answered yet. */
  | { at: 'sent'; fetched: boolean; superseded: number }
  /** The gateway was unable to check it, so it is sent again at `time`. */
  | { at: 'retrying'; time: number; fetched: boolean }

/** The fields that a connecting and a live session have in common. */
export interface MachineContext {
  /** The number of the newest socket. Inputs of older sockets are dropped by it. */
  attempt: number
  /** Attempts that failed since a connection was last stable. */
  connectFailures: number
  /** Fetches for credentials that failed in a row. */
  fetchFailures: number
  /** Fresh credentials that were rejected in a row. */
  rejections: number
  /** The start goes as the first frame, because an attempt with the start in its header did not open. */
  startAsFrame: boolean
  /** When the credentials expire; null when they don't, or when it is unknown. */
  expiresAt: number | null
  /** The `ended` frame of this connection, which explains the close that follows. */
  endReason: Fault | null
  /** The session to resume, and the newest message that arrived. The key is empty if there is a position without a session. */
  cursor: Resumption | null
}

/** A place in an inbox. */
export type Position = Pick<Resumption, 'epoch' | 'offset'>

export interface Connecting extends MachineContext {
  name: 'starting' | 'reconnecting'
  socket: SocketPhase
  credentials: CredentialPhase
  /** Why the last attempt failed. */
  error: Fault | null
  info: SessionInfo | null
}

export interface Active extends MachineContext {
  name: 'active'
  info: SessionInfo
  cursor: Resumption
  /** The connection is dead if no frame arrives until then. */
  heartbeatDeadline: number
  /** The heartbeat deadline was put off because its timer fired late. It is put off only once. */
  sleepGraceUsed: boolean
  /** The time at which the connection is stable, which resets `connectFailures`; null after that, and if there is none to reset. */
  stableAt: number | null
  renewal: Renewal | null
}

export type State =
  | { name: 'idle' }
  | Connecting
  | Active
  | { name: 'ended'; error: Fault | null }
  | { name: 'failed'; error: Fault }

export type Input =
  | { type: 'start'; resume?: Resumption | null | undefined }
  | { type: 'end' }
  /** The page set credentials. */
  | { type: 'credentials' }
  /** The page set a source of tokens, or credentials that a live session can't use. */
  | { type: 'source' }
  /** A fetch for credentials is done; `cause` is why it failed. */
  | { type: 'fetch-result'; result: FetchResult; cause?: unknown }
  | { type: 'opened'; attempt: number }
  /** The attempt is given up at this time: never while it waits for its turn. */
  | { type: 'deadline'; attempt: number; until: number }
  | { type: 'frame'; attempt: number; frame: GatewayFrame }
  | { type: 'closed'; attempt: number; code: number }
  /** The attempt failed, and every further attempt would fail in the same way. */
  | { type: 'fatal'; attempt: number; fault: Fault }
  | { type: 'time' }
  /** The network is back, the page is visible again, or it is no longer frozen. */
  | { type: 'wake' }
  /**
   * The connection goes, with `code`: at `pagehide` the user leaves the page, which may come back from the browser's cache; at `freeze` the
   * hidden page stops running, and the browser may discard it without another event; or the hidden page sleeps. A page that is left as one
   * that was lost has no `code`. While it sleeps, `info` is what the gateway has told another page of the user.
   */
  | { type: 'leave'; at: PagePhase; code?: number; info?: SessionInfo }
  /** `pageshow` from the cache. `resume` is the session that another page stored meanwhile; null if that page ended it. */
  | { type: 'show'; resume?: Resumption | null | undefined }

export type Effect =
  /** Open a socket for `attempt`; `withStart` puts the start into its handshake. */
  | { do: 'open'; attempt: number; withStart: boolean }
  /** Send the start as a frame. */
  | { do: 'send-start' }
  /** Send the newest token on the open connection. */
  | { do: 'send-token' }
  | { do: 'send'; frame: ClientFrameOf<'pong' | 'end' | 'history'> }
  /** Close the socket. The machine gets no more inputs from it. */
  | { do: 'close'; code?: number | undefined }
  /** Send `end` as soon as the socket opens, then close it: the start in its handshake may begin a session. */
  | { do: 'end-after-open' }
  | { do: 'fetch-token'; reason: AskReason }
  /** The gateway accepted the newest credentials. If it sent a token of its own, `token` replaces them. */
  | { do: 'accept-credentials'; token?: string | undefined }
  /** The newest credentials, or all of them, were rejected or have expired. */
  | { do: 'discard'; which: 'newest' | 'all' }
  /** Hand a frame to the session. */
  | { do: 'deliver'; frame: GatewayFrameOf<'message' | AnswerType> }
  /** Emit an `error` event; the session goes on. */
  | { do: 'emit-error'; fault: Fault }

/** Everything that the machine reads besides its state and its input. */
export interface World {
  /** Milliseconds of a clock that never goes back (clock.ts). */
  now: number
  /** From 0 up to, but not including, 1. */
  random: number
  /** Whether the page is hidden. A client without a page counts as visible. */
  hidden: boolean
  /** Whether credentials are held, can be fetched, or (`none`) can only come from the page. */
  credentials: 'held' | 'fetchable' | 'none'
  /** Up to where a server drew the page. Undefined if none did, and once a session has started. */
  since: Position | undefined
}

export type Step = [State, ...Effect[]]

export const idle: State = { name: 'idle' }

/** Returns whether the session has ended or failed. */
export const isOver = (name: State['name']): boolean => name === 'ended' || name === 'failed'

/** Returns whether a page whose session was active sleeps, or is frozen. */
export const isAsleep = (state: State): boolean =>
  'socket' in state && !!state.info && state.socket.at === 'page-asleep'

/** Returns the state as pages know it: a session that sleeps goes on. */
export const nameOf = (state: State): State['name'] => (isAsleep(state) ? 'active' : state.name)

/** Returns whether the page is in the browser's cache, or asleep: another page may come in its place. */
export const isPageGone = (state: State): boolean => 'socket' in state && state.socket.at.startsWith('page')

/** When the state needs its next `time` input; Infinity when it waits for no deadline. */
export const deadlineOf = (state: State): number => {
  if (state.name === 'active') {
    const { heartbeatDeadline, stableAt, renewal } = state
    return Math.min(
      heartbeatDeadline,
      stableAt ?? Infinity,
      renewal && 'time' in renewal ? renewal.time : Infinity,
    )
  }
  if (!('socket' in state)) return Infinity
  const { socket, credentials } = state
  return Math.min(
    'until' in socket ? socket.until : Infinity,
    credentials.at === 'backoff' ? credentials.until : Infinity,
  )
}

/** When the next attempt is made; null when none is scheduled. */
export const retryDeadlineOf = (state: State): number | null =>
  !('socket' in state)
    ? null
    : state.socket.at === 'backoff'
      ? state.socket.until
      : state.credentials.at === 'backoff'
        ? state.credentials.until
        : null
