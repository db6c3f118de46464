import type { Credential, SessionRecord } from '../engine.js'

export interface SessionRow extends SessionRecord {
  /** The number of its start. Starts, detachments and hidings are numbered in their order, because clocks may go back. */
  number: number
  /** The number of its last detachment; null while it is active. */
  detached: number | null
  /** The number of its page's last hiding; null while the page is visible. */
  hiddenSince: number | null
  /** The connection that carries the session; null while it is detached. */
  connectionId: string | null
  /** Hash of the resume key that the client was given last. */
  keyHash: string
  /** Hash of the resume key before that one. It is valid until the client is known to have the new one. */
  previousKeyHash: string | null
  /** Milliseconds for which the session is held, from when it was detached or loaded. */
  holdFor: number
  /** When the hold expires, by the monotonic clock; null while the session is active. */
  expiresAt: number | null
  /** When its user no longer counts as online, by the monotonic clock; null while the session is active. */
  awayAt: number | null
  /** Whether that time has come. It is stored, so that a loaded session does not count as online again. */
  away: boolean
}

export interface SessionEntry {
  session: SessionRow
  /** Whether its row may be in the store. */
  mayBeStored: boolean
}

export const copyOf = ({ way, tokenId, issuedAt, expiresAt }: Credential): Credential => ({
  way,
  tokenId,
  issuedAt,
  expiresAt,
})

export const recordOf = (session: SessionRow): SessionRecord => ({
  appId: session.appId,
  userId: session.userId,
  sessionId: session.sessionId,
  guest: session.guest,
  credential: copyOf(session.credential),
  origin: session.origin,
  address: session.address,
  client: session.client,
  node: session.node,
  startedAt: session.startedAt,
  lastSeenAt: session.lastSeenAt,
  state: session.state,
  hidden: session.hidden,
  rtt: session.rtt,
})
