import type { JsonObject, Profile } from '../protocol/index.js'
import type { AskReason } from './machine/state.js'
import type { Trace } from './trace.js'
import type { WebSocketClass } from './websocket-class.js'

export type { AskReason, WebSocketClass }

export interface TokenAsk {
  reason: AskReason
  /** Aborts when the token is no longer needed. */
  signal: AbortSignal
}

/**
 * Returns a fresh token, or null when the user is signed out. Null ends the session. A function that throws or rejects is called again
 * later.
 */
export type TokenFetcher = (ask: TokenAsk) => Promise<string | null> | string | null

/** The session's user. A number as id is converted to a string. */
export interface SessionUser extends Profile {
  id?: string | number | null | undefined
}

/** How the gateway verifies the user. A start uses the first field that is set. */
export interface Credentials {
  /** A JWT that the app's backend signed for the user (`createToken` of chat-session/tokens). */
  token?: string | null | undefined
  /** Called for the first token if `token` is not set. Called for a fresh token before a token expires, and when one was refused. */
  tokenFetcher?: TokenFetcher | null | undefined
  /**
   * A URL that is fetched with the page's cookies and answers JSON `{ "token": "…" }` or the token as text. 401, 403, 204, null or a
   * redirect mean that the user is signed out. After any other answer the session fetches the URL again later.
   */
  tokenUrl?: string | URL | null | undefined
  /** HMAC-SHA256 of the user id in hex (`createSignature` of chat-session/tokens). Never expires. */
  signature?: string | null | undefined
  /** What the gateway's `authenticate` or `authenticateUrl` checks. Sent until the gateway accepts it and answers with a token. */
  authParams?: JsonObject | null | undefined
  /** Start as a guest, if the app allows guests. */
  guest?: boolean | undefined
}

export interface SessionOptions extends Credentials {
  /** The gateway's address: https://HOST, or wss://HOST. */
  endpoint: string | URL
  appId: string
  /** The `id` may be left out with a token, and for a guest. */
  user?: SessionUser | undefined
  /**
   * `EPOCH/OFFSET`: a server drew the page with the messages up to this position. The REST API's list of messages has this position as
   * `since`. Later messages come as `message` events, none twice. @default the newest message
   */
  since?: string | null | undefined
  /**
   * How the session may connect: a list of names, or a text with spaces between the names. If WebSockets do not get through, the session
   * uses a stream. @default ['websocket', 'stream']
   */
  transports?: readonly ('websocket' | 'stream')[] | string | null | undefined
  /**
   * When a user logs in, the user takes over the messages that this browser's guest of this app received and sent. The guest's own session
   * needs the option, too: then `localStorage` keeps the guest's token until `end()`, or until a user takes the messages over.
   * @default false
   */
  adoptGuest?: boolean | null | undefined
  /**
   * Whether the page closes its connection when it has been hidden for a minute. One hidden page of the user stays connected for the
   * others. A page that sleeps connects again when it is shown or makes a call. Needs `navigator.locks`. @default false
   */
  sleep?: boolean | null | undefined
  /** The class of WebSockets to connect with. Without one a stream is used. @default globalThis.WebSocket when a connection is made */
  WebSocket?: WebSocketClass | undefined
  /** Called after each step of the session's state machine. Its arguments have no credentials. For debugging. */
  trace?: Trace | undefined
}

export interface StartOptions {
  /** Ends the session when it aborts before the session has started. */
  signal?: AbortSignal | undefined
  /**
   * Milliseconds after which `start()` resolves with `failed` and an error of code `unavailable`. The session still goes on connecting.
   * @default 30_000
   */
  timeout?: number | undefined
}
