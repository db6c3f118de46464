import type { GatewayFrameOf } from '../protocol/index.js'

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
