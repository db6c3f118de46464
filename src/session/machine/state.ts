import type { ClientFrameOf, GatewayFrame, GatewayFrameOf, Resumption } from '../../protocol/index.js'

/** Why a token is fetched. `first`: for a start. `expiring`: the token in use expires soon. `rejected`: a token was refused. */
export type AskReason = 'first' | 'expiring' | 'rejected'

/** The frames that answer requests, and `signal`. `unread`, `user` and `presence` also come without any request. */
export type AnswerType = 'sent' | 'history' | 'peers' | 'unread' | 'user' | 'refused' | 'presence' | 'signal'

/** Why something went wrong, as data. The session makes a `SessionError` from this data. */
export interface Fault {
  code: string
  message?: string | undefined
  retryable?: boolean | undefined
  retryAfter?: number | undefined
  cause?: unknown
  /** Whether the gateway sent the error, in an `ended` frame. */
  fromGateway?: boolean
}

/** How far the user has read, as the frame `unread` says it. */
export type ReadMark = Partial<Pick<GatewayFrameOf<'unread'>, 'readOffset' | 'with' | 'readOffsetWith'>>

/** The `started` frame, kept up to date by later frames. `transport` is set if a stream brought the frame. */
export type SessionInfo = GatewayFrameOf<'started'> & ReadMark & { transport?: 'stream' | undefined }

/** What a page that stays connected tells the pages of the user that sleep. */
export type UnreadNews = ReadMark & Pick<SessionInfo, 'unread'>

/** A place in an inbox. */
export type Position = Pick<Resumption, 'epoch' | 'offset'>

/**
 * The position of the newest message that arrived, and the key of the session to resume. The key is null if there is no such session: a
 * server drew the page up to this position.
 */
export type Cursor = Position & { key: string | null }

/**
 * Why a page has given up its connection. `left`: the user has left the page (`pagehide`), and only `pageshow` opens another connection.
 * `frozen`: the browser has stopped the hidden page. `asleep`: the hidden page sleeps (the option `sleep`). From the last two `wake` opens
 * another connection.
 */
export type PagePhase = 'left' | 'frozen' | 'asleep'

/** The phase of the attempt's connection. `until` is the time at which a connection is opened (`backoff`) or given up. */
export type SocketPhase =
  | { at: 'none' }
  | { at: PagePhase }
  | { at: 'backoff'; until: number }
  /**
   * `opening-with-start`: the handshake has the start. `open`: the connection is open, and credentials are being fetched. `start-sent`: the
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
  cursor: Cursor | null
}

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
export type Over = Pick<MachineContext, 'cursor'> &
  ({ name: 'ended'; error: Fault | null } | { name: 'failed'; error: Fault })

export interface Idle {
  name: 'idle'
}

export type State = Idle | Connecting | Active | Over

/** The frames that the machine gets. */
export type SessionFrame = Exclude<GatewayFrame, { type: 'ended' }> | SessionInfo

/** How a connection was closed. `reason` is the gateway's `ended` frame, if that came before the close. */
export interface Closed {
  code: number
  reason?: GatewayFrameOf<'ended'> | undefined
}

/**
 * What a page of the tab has stored about its session: where to resume it, or that it has `ended`. `absent`: nothing. `unavailable`: this
 * page can store nothing.
 */
export type StoredSession = Cursor | 'ended' | 'absent' | 'unavailable'

/** The result of one fetch for credentials. `no-source`: there is nothing to fetch from, and no listener responded. */
export type FetchResult =
  { result: 'fresh' | 'signed-out' | 'no-source' } | { result: 'failed'; cause: unknown }

export type Input =
  | { type: 'start'; stored: StoredSession }
  | { type: 'end' }
  /** The page set credentials. */
  | { type: 'credentials' }
  /** The page set a source of tokens, and no token. */
  | { type: 'source' }
  /** A fetch for credentials is done. */
  | ({ type: 'fetch-result' } & FetchResult)
  | { type: 'opened' }
  /** The attempt waits for other tabs, which use all connections to the gateway. Until `served` it is not given up. */
  | { type: 'queued' }
  /** The turn of the attempt has come. */
  | { type: 'served' }
  | { type: 'frame'; frame: SessionFrame }
  | (Closed & { type: 'closed' })
  /** The attempt failed, and every further attempt would fail in the same way. */
  | { type: 'fatal'; fault: Fault }
  | { type: 'time' }
  /**
   * The session should connect now: the network is back, the page is visible again or no longer frozen, or a page that sleeps makes a call.
   */
  | { type: 'wake' }
  /** The page gives up its connection. */
  | { type: 'leave'; phase: PagePhase }
  /** Another page of the user tells this page, which sleeps, what is unread. */
  | { type: 'told'; news: UnreadNews }
  /** The page is back from the browser's cache. `stored` is the session that was stored last, by this page or by another one since. */
  | { type: 'show'; stored: StoredSession }

/** The inputs of these types. */
export type InputOf<T extends Input['type']> = Extract<Input, { type: T }>

export type Effect =
  /** Open a connection; `withStart` puts the start into its handshake. */
  | { do: 'open'; withStart: boolean }
  | { do: 'send-start' }
  /** Send the newest token on the open connection. */
  | { do: 'send-token' }
  | { do: 'send'; frame: ClientFrameOf<'pong' | 'end' | 'history'> }
  /** Post the messages that wait, because the user leaves the page. */
  | { do: 'post-sends' }
  /** Close the connection. The machine gets no more inputs from it. @default code 1000 */
  | { do: 'close'; code?: number }
  /** Send `end` as soon as the connection opens, because the start in the handshake may have begun a session. Then close it. */
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

/** The id of a probe's answer. The machine drops that answer, so that the session never takes it for the answer to a request. */
export const PROBE_ID = 'probe'

export const idle: Idle = { name: 'idle' }

/** The session was ended by hand. */
export const ended: Over = { name: 'ended', error: null, cursor: null }
