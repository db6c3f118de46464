import type { SessionError } from './errors.js'
import type { GatewayFrameOf, JsonObject } from '../protocol/index.js'

/** A message that the gateway has stored. */
export interface Sent {
  id: string
  /** The offset of the own copy in the sender's inbox. */
  offset: number
  /** Unix time in milliseconds. */
  sentAt: number
}

/**
 * A part of the inbox: the messages after an offset, before an offset, or the newest ones. If `with` is set, it has only messages from and
 * to that peer.
 */
export interface HistoryRange {
  after?: number | undefined
  before?: number | undefined
  /** 1 to 100. @default 50 */
  limit?: number | undefined
  /** A user id, or null for the app's backend. A number is converted to a string. */
  with?: string | number | null | undefined
}

/** A user, or the app's backend, with whom the user has exchanged messages. */
export type Peer = GatewayFrameOf<'peers'>['peers'][number]

/** A part of the user's peers: those with the newest messages, or those that follow an earlier part. */
export interface PeersRange {
  /** 1 to 100. @default 20 */
  limit?: number | undefined
  /** The `next` of the earlier part. */
  before?: PeersPage['next']
}

export interface PeersPage {
  /** The peer with the newest message first. */
  peers: Peer[]
  /** The `before` for the next part; undefined if there are no more peers. */
  next: GatewayFrameOf<'peers'>['next']
}

/** The options of a signal. */
export interface SignalOptions {
  /** At most 1 kB as JSON. */
  data?: JsonObject | undefined
  /** Milliseconds until the signal ends, at most 30,000. @default 5_000 */
  ttl?: number | undefined
}

/** A short-lived fact, for example that a user is typing. It comes from another page or from the app's backend. */
export interface Signal {
  /** Null if the app's backend sent it. */
  from: string | null
  name: string
  data: JsonObject | undefined
  /** When the signal ends, or when a message of the sender has ended it (Unix time in milliseconds). */
  until: number
}

/** Whether a user is online, and when the user was last seen. */
export type Presence = GatewayFrameOf<'presence'>['users'][number]

/** What a browser's `PushSubscription.toJSON()` returns. */
export interface PushSubscriptionFields {
  endpoint?: string
  expirationTime?: number | null
  keys?: Record<string, string>
}

/** Gives the gateway a push subscription of this device, so that the gateway can push while no page is open. */
export interface PushSubscriber {
  /**
   * Called by `push()` and for each new connection. `key` is the app's VAPID public key in Base64url, for the `applicationServerKey` of
   * `pushManager.subscribe()`. It is undefined if the app pushes nothing. Resolves with the subscription; null for none.
   */
  subscribe(key: string | undefined): Promise<PushSubscriptionFields | null>
  /** Called if the gateway refuses the subscription. */
  refused?(error: SessionError): void
}
