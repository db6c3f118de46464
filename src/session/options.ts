import type { JsonObject, Profile } from '../protocol/index.js'
import type { AskReason } from './machine/state.js'

export type { AskReason }

export interface TokenAsk {
  reason: AskReason
  /** Aborts when the answer is no longer wanted. */
  signal: AbortSignal
}

/**
 * Answers a fresh token, or null when the user is signed out, which ends the session. A throw or a rejection means
 * that it is asked again later, for as long as it takes.
 */
export type TokenFetcher = (ask: TokenAsk) => Promise<string | null> | string | null

/** Who the session is for. A number as id is turned into a string. */
export interface SessionUser extends Profile {
  id?: string | number | null | undefined
}

/** What proves who the user is; the first of them that is given is used. */
export interface Credentials {
  /** A JWT that the app's backend signed for the user (`createToken` of chat-session/tokens). */
  token?: string | null | undefined
  /** Asked for the first token if `token` is not given, and for a fresh one before a token lapses. */
  tokenFetcher?: TokenFetcher | null | undefined
  /**
   * Where a token can be fetched with the page's cookies: JSON `{ "token": "…" }` or the token as text. 401, 403, 204,
   * null or a redirect mean that the user is signed out; anything else is tried again.
   */
  tokenUrl?: string | URL | null | undefined
  /** HMAC-SHA256 of the user id in hex (`createSignature` of chat-session/tokens). Never lapses. */
  signature?: string | null | undefined
  /** What the gateway's authentication function is called with; sent once and forgotten. */
  authParams?: JsonObject | null | undefined
  /** Be a guest, where the app allows it. */
  guest?: boolean | undefined
}

export interface SessionOptions extends Credentials {
  /** The gateway's address: https://HOST, or wss://HOST. */
  endpoint: string | URL
  appId: string
  /** Its `id` may be left out with a token, and by a guest. */
  user?: SessionUser | undefined
  /** The WebSocket to connect with. @default globalThis.WebSocket when a connection is made */
  WebSocket?: typeof WebSocket | undefined
}

export interface StartOptions {
  /** Ends the session when it aborts before the session has started. */
  signal?: AbortSignal | undefined
  /** Milliseconds until the start is answered as failed with `unavailable`, while connecting goes on. @default 30_000 */
  timeout?: number | undefined
}
