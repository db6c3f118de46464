import type { ClientFrameOf, GatewayFrame, GatewayFrameOf, Resumption } from '../../protocol/index.js'

/** Why a token is fetched. `first`: for a start. `expiring`: the token in use expires soon. `rejected`: a token was refused. */
export type AskReason = 'first' | 'expiring' | 'rejected'

/** The result of one fetch for credentials. `no-source`: there is nothing to fetch from, and no listener responded. */
export type FetchResult = 'fresh' | 'signed-out' | 'no-source' | 'failed'

/** The frames that answer requests, and `signal`. `unread`, `user` and `presence` also come without any request. */
export type AnswerType = 'sent' | 'history' | 'peers' | 'unread' | 'user' | 'refused' | 'presence' | 'signal'

/** Why something went wrong, as data. The session makes a `SessionError` from this data. */
export interface Fault {
  code: string
  message?: string | undefined
  retryable?: boolean | undefined
  retryAfter?: number | undefined
  cause?: unknown
}

/**
 * The `started` frame, kept up to date by later frames. The fields that come from the frame `unread` say how far the user has read.
 * `transport` is set if a stream brought the frame.
 */
export type SessionInfo = GatewayFrameOf<'started'> &
  Partial<Pick<GatewayFrameOf<'unread'>, 'readOffset' | 'with' | 'readOffsetWith'>> & { transport?: 'stream' }

/**
 * Why a page has no socket. `page-hidden`: the user has left the page (`pagehide`), and only `pageshow` opens another socket.
 * `page-asleep`: the page is frozen, or sleeps (the option `sleep`), and `wake` opens another socket.
 */
type PagePhase = 'page-hidden' | 'page-asleep'

/** The phase of the attempt's socket. `until` is the time at which a socket is opened (`backoff`) or given up. */
export type SocketPhase =
  | { at: 'none' }
  | { at: PagePhase }
  | { at: 'backoff'; until: number }
  /**
   * `opening-with-start`: the handshake has the start. `open`: the socket is open, and credentials are being fetched. `start-sent`: the
   * start was sent.
   */
  | { at: 'opening-with-start' | 'opening' | 'open' | 'start-sent'; until: number }

/** The phase of the credentials. `fresh`: they were just fetched. Only rejections of fresh credentials are counted (`rejections`). */
export type CredentialPhase =
  | { at: 'held' | 'fresh' }
  | { at: 'fetching'; reason: AskReason }
  | { at: 'backoff'; until: number; reason: AskReason }

/** The renewal of a live session's token. `fetched` is false if the page set the token. */
export type Renewal =
  /** The token is accepted, and nothing can renew it. */
  | { at: 'held' }
  /** Another token will be fetched at `until`; Infinity if the credentials don't expire. */
  | { at: 'scheduled'; until: number; reason: AskReason }
  | { at: 'fetching'; reason: AskReason }
  /** The token was sent. `superseded` counts the tokens before it that the gateway has not answered yet. */
  | { at: 'sent'; fetched: boolean; superseded: number }
  /** The gateway was unable to check the token. The session sends the token again at `until`. */
  | { at: 'retrying'; until: number; fetched: boolean }

/** The fields that a connecting and a live session have in common. */
export interface MachineContext {
  /** Attempts that failed, and connections that were lost, since a connection was last stable. */
  connectFailures: number
  /** Failures in a row to fetch credentials, or to have a token checked. */
  fetchFailures: number
  /** How many times in a row fresh credentials were rejected. */
  rejections: number
  /** Whether the start is sent as the first frame, and not in the handshake's header. */
  startAsFrame: boolean
  /** When the credentials expire; Infinity if they don't, or if this time is unknown. */
  expiresAt: number
  /** The session to resume, and the position of the newest message that arrived. The key is empty if there is a position and no session. */
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
  /** If no frame arrives before this time, the connection counts as dead. */
  heartbeatDeadline: number
  /** Whether the deadline was put off because its timer fired late. Only a frame that arrives allows this again. */
  sleepGraceUsed: boolean
  /** When the connection counts as stable, and `connectFailures` becomes 0; Infinity if it is 0 already. */
  stableAt: number
  credentials: Renewal
}

/** If a session that ended or failed with an error starts again, it goes on from `cursor`. */
type Over = Pick<MachineContext, 'cursor'> &
  ({ name: 'ended'; error: Fault | null } | { name: 'failed'; error: Fault })

export type State = { name: 'idle'; cursor: null } | Connecting | Active | Over

/** The frames that the machine gets. */
export type SessionFrame = Exclude<GatewayFrame, { type: 'ended' }>

/** How a connection was closed. `reason` is the gateway's `ended` frame, if that came before the close. */
export interface Closed {
  code: number
  reason?: Fault | undefined
}

export type Input =
  | { type: 'start'; resume?: Resumption | null | undefined }
  | { type: 'end' }
  /** The page set credentials. */
  | { type: 'credentials' }
  /** The page set a source of tokens, and no token. */
  | { type: 'source' }
  /** A fetch for credentials is done; `cause` is why it failed. */
  | { type: 'fetch-result'; result: FetchResult; cause?: unknown }
  | { type: 'opened' }
  /** The attempt is given up at `until`: Infinity while it waits for other tabs, which use all connections to the gateway. */
  | { type: 'deadline'; until: number }
  | { type: 'frame'; frame: SessionFrame }
  | (Closed & { type: 'closed' })
  /** The attempt failed, and every further attempt would fail in the same way. */
  | { type: 'fatal'; fault: Fault }
  | { type: 'time' }
  /**
   * The session should connect now: the network is back, the page is visible again or no longer frozen, or a page that sleeps makes a call.
   */
  | { type: 'wake' }
  /**
   * The page gives up its connection: the user leaves the page (`pagehide`), the browser stops the hidden page (`freeze`), or the hidden
   * page sleeps. The socket is closed with `code`; without `code` the gateway treats the connection as lost. While the page sleeps, this
   * input comes again with `info`: the session's state as another page of the user knows it.
   */
  | { type: 'leave'; at: PagePhase; code?: number; info?: SessionInfo }
  /**
   * The page is back from the browser's cache. `resume` is the session that was stored last, by this page or by another one since. It is
   * null if another page ended the session.
   */
  | { type: 'show'; resume?: Resumption | null | undefined }

export type Effect =
  /** Open a socket; `withStart` puts the start into its handshake. */
  | { do: 'open'; withStart: boolean }
  | { do: 'send-start' }
  /** Send the newest token on the open connection. */
  | { do: 'send-token' }
  | { do: 'send'; frame: ClientFrameOf<'pong' | 'end' | 'history'> }
  /** Close the socket. The machine gets no more inputs from it. */
  | { do: 'close'; code?: number | undefined }
  /** Send `end` as soon as the socket opens, because the start in the handshake may have begun a session. Then close the socket. */
  | { do: 'end-after-open' }
  | { do: 'fetch-token'; reason: AskReason }
  /** The gateway accepted the newest credentials. If `token` is set, the gateway gave it in their place. */
  | { do: 'accept-credentials'; token?: string | undefined }
  /** Forget the credentials that are not accepted yet (`newest`), or `all`. Without a source of others, `all` forgets none. */
  | { do: 'discard'; which: 'newest' | 'all' }
  /** Hand a frame to the session. */
  | { do: 'deliver'; frame: GatewayFrameOf<'message' | AnswerType> }
  /** Emit an `error` event; the session goes on. */
  | { do: 'emit-error'; fault: Fault }

/** Everything that the machine reads besides its state and its input. */
export interface World {
  /** Milliseconds of `now()` (clock.ts). */
  now: number
  /** From 0 up to, but not including, 1. */
  random: number
  /** Whether the page is hidden. A client without a page counts as visible. */
  hidden: boolean
  /** `held`: there are credentials. `fetchable`: they can be fetched. `none`: they can only come from the page. */
  credentials: 'held' | 'fetchable' | 'none'
  /** The position up to which a server drew the page. Undefined if no server did, and once a session has started. */
  since: Position | undefined
}

export type Step = [State, ...Effect[]]

export const idle: State = { name: 'idle', cursor: null }

/** The session was ended by hand. */
export const ended: State = { name: 'ended', error: null, cursor: null }

export const isOver = (name: State['name']): boolean => name === 'ended' || name === 'failed'

/** Returns whether the page of an active session sleeps or is frozen. */
export const isAsleep = (state: State): boolean =>
  'socket' in state && !!state.info && state.socket.at === 'page-asleep'

/** Returns the name of the state for the page. A session that sleeps is `active`. */
export const nameOf = (state: State): State['name'] => (isAsleep(state) ? 'active' : state.name)

/** Returns whether the page is in the browser's cache, frozen or asleep. Meanwhile another page may resume its session. */
export const isPageGone = (state: State): boolean => 'socket' in state && state.socket.at.startsWith('page')

/** The time that a phase waits for; Infinity if it waits for none. */
const untilOf = ({ until = Infinity }: { at: string; until?: number }): number => until

/** Returns when the state needs its next `time` input; Infinity if it waits for no deadline. */
export const deadlineOf = (state: State): number => {
  if (!('credentials' in state)) return Infinity
  const until = untilOf(state.credentials)
  return 'socket' in state
    ? Math.min(untilOf(state.socket), until)
    : Math.min(state.heartbeatDeadline, state.stableAt, until)
}

/** When the next attempt is made; null when none is scheduled. */
export const retryDeadlineOf = (state: State): number | null => {
  if (!('socket' in state)) return null
  const { socket, credentials } = state
  return socket.at === 'backoff' ? socket.until : credentials.at === 'backoff' ? credentials.until : null
}
