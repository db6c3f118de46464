import { randomUUID } from 'node:crypto'
import type { Credential, SessionRecord, SessionRequest, AuthMethod } from '../engine.js'

/** A session that has not ended, in memory. */
export interface Session extends Omit<SessionRecord, 'state' | 'hidden' | 'credential'> {
  /** The fields of its credential. An object of their own would take memory. */
  authMethod: AuthMethod
  tokenId: string | null
  issuedAt: number | null
  credentialExpiresAt: number | null
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
  resumableFor: number
  /** When the hold expires, by the monotonic clock; null while the session is active. */
  expiresAt: number | null
  /** When its user no longer counts as online, by the monotonic clock; null while the session is active. */
  offlineAt: number | null
  /** Whether that time has come. It is stored, so that a loaded session does not count as online again. */
  offline: boolean
  /** Whether its row may be in the store. */
  mayBeStored: boolean
}

export const setCredential = (
  session: Session,
  { authMethod, tokenId, issuedAt, expiresAt }: Credential,
): void => {
  session.authMethod = authMethod
  session.tokenId = tokenId
  session.issuedAt = issuedAt
  session.credentialExpiresAt = expiresAt
}

/** Returns a session that starts now. Its page is visible. */
export const newSession = (request: SessionRequest, number: number): Session => {
  const { appId, userId, guest, origin, address, client, node, connectionId, keyHash, resumableFor } = request
  const { authMethod, tokenId, issuedAt, expiresAt } = request.credential
  const now = Date.now()
  return {
    number,
    detached: null,
    hiddenSince: null,
    appId,
    userId,
    sessionId: randomUUID(),
    guest,
    authMethod,
    tokenId,
    issuedAt,
    credentialExpiresAt: expiresAt,
    origin,
    address,
    client,
    node,
    startedAt: now,
    lastSeenAt: now,
    rtt: null,
    connectionId,
    keyHash,
    previousKeyHash: null,
    resumableFor,
    expiresAt: null,
    offlineAt: null,
    offline: false,
    mayBeStored: false,
  }
}

export const isHidden = ({ hiddenSince }: Pick<Session, 'hiddenSince'>): boolean => hiddenSince !== null

export const recordOf = (session: Session): SessionRecord => ({
  appId: session.appId,
  userId: session.userId,
  sessionId: session.sessionId,
  guest: session.guest,
  credential: {
    authMethod: session.authMethod,
    tokenId: session.tokenId,
    issuedAt: session.issuedAt,
    expiresAt: session.credentialExpiresAt,
  },
  origin: session.origin,
  address: session.address,
  client: session.client,
  node: session.node,
  startedAt: session.startedAt,
  lastSeenAt: session.lastSeenAt,
  state: session.connectionId === null ? 'detached' : 'active',
  hidden: isHidden(session),
  rtt: session.rtt,
})

/** A session in the store: an array, because names would be most of its bytes. Whatever a restart ends or begins anew is left out. */
export type SessionRow = [
  number: number,
  detached: number | null,
  hiddenSince: number | null,
  appId: string,
  userId: string,
  sessionId: string,
  guest: boolean,
  credential: [
    authMethod: AuthMethod,
    tokenId: string | null,
    issuedAt: number | null,
    expiresAt: number | null,
  ],
  client: [origin: string | null, address: string, client: string | null, node: string, rtt: number | null],
  startedAt: number,
  lastSeenAt: number,
  keyHash: string,
  previousKeyHash: string | null,
  resumableFor: number,
  offline: boolean,
]

export const rowOf = (session: Session): SessionRow => {
  const { authMethod, tokenId, issuedAt, credentialExpiresAt, origin, address, client, node, rtt } = session
  return [
    session.number,
    session.detached,
    session.hiddenSince,
    session.appId,
    session.userId,
    session.sessionId,
    session.guest,
    [authMethod, tokenId, issuedAt, credentialExpiresAt],
    [origin, address, client, node, rtt],
    session.startedAt,
    session.lastSeenAt,
    session.keyHash,
    session.previousKeyHash,
    session.resumableFor,
    session.offline,
  ]
}

/**
 * The session of a row. No connection carries it. If one did when the row was written, it was last seen at `openAt`: answers to pings are
 * not written.
 */
export const sessionOf = (row: SessionRow, openAt: number): Session => {
  const [number, detached, hiddenSince, appId, userId, sessionId, guest, credential, client, ...others] = row
  const [startedAt, lastSeenAt, keyHash, previousKeyHash, resumableFor, offline] = others
  const [authMethod, tokenId, issuedAt, expiresAt] = credential
  const [origin, address, name, node, rtt] = client
  return {
    number,
    detached,
    hiddenSince,
    appId,
    userId,
    sessionId,
    guest,
    authMethod,
    tokenId,
    issuedAt,
    credentialExpiresAt: expiresAt,
    origin,
    address,
    client: name,
    node,
    rtt,
    startedAt,
    lastSeenAt: detached === null ? Math.max(lastSeenAt, openAt) : lastSeenAt,
    keyHash,
    previousKeyHash,
    resumableFor,
    offline,
    mayBeStored: true,
    connectionId: null,
    expiresAt: null,
    offlineAt: null,
  }
}
