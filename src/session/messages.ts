import type { SessionError } from './errors.js'
import type { GatewayFrameOf, JsonObject } from '../protocol/index.js'

/** A message that is durable. */
export interface Sent {
  id: string
  /** The position of the sender's own copy in their inbox. */
  offset: number
  /** Unix time in milliseconds. */
  sentAt: number
}

/** A part of the inbox: after an offset, before one, or the newest messages; with a peer, only those from and to that one. */
export interface HistoryRange {
  after?: number | undefined
  before?: number | undefined
  /** 1 to 100. @default 50 */
  limit?: number | undefined
  /** A user id, or null for the app's backend. A number is converted to a string. */
  with?: string | number | null | undefined
}

/** Somebody whom the user has exchanged messages with. */
export type Peer = GatewayFrameOf<'peers'>['peers'][number]

/** A part of the user's peers: the newest ones, or those after an earlier part. */
export interface PeersRange {
  /** 1 to 100. @default 20 */
  limit?: number | undefined
  /** The `next` of the part before. */
  cursor?: PeersPage['next']
}

export interface PeersPage {
  /** The peer with the newest message first. */
  peers: Peer[]
  /** The `cursor` of the next part; undefined after the last peer. */
  next: GatewayFrameOf<'peers'>['next']
}

/** What goes with a signal. */
export interface SignalOptions {
  /** At most 1 kB as JSON. */
  data?: JsonObject | undefined
  /** Milliseconds for which it holds, at most 30,000. @default 5_000 */
  ttl?: number | undefined
}

/** Something brief that another user's page told, such as that the user types. */
export interface Signal {
  /** Null if the app's backend sent it. */
  from: string | null
  name: string
  data: JsonObject | undefined
  /** Unix time in milliseconds at which it ends. It has passed if a message of the sender ended the signal. */
  until: number
}

/** Whether a user is online, and when that changed last. */
export type Presence = GatewayFrameOf<'presence'>['users'][number]

/** What a browser's `PushSubscription.toJSON()` returns. */
export interface PushSubscriptionFields {
  endpoint?: string
  expirationTime?: number | null
  keys?: Record<string, string>
}

/** Makes this device known to the gateway, so that it can be reached while no page is open. */
export interface PushSubscriber {
  /**
   * Called for each connection. `key` is the app's VAPID public key, in Base64url: the `applicationServerKey` of `pushManager.subscribe()`;
   * undefined if the app pushes nothing. Resolves with the subscription; null for none.
   */
  subscribe(key: string | undefined): Promise<PushSubscriptionFields | null>
  /** Called if the gateway refuses the subscription. */
  refused?(error: SessionError): void
}
