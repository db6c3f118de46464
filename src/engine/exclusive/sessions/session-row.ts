import { randomUUID } from 'node:crypto'
import type { Connected, Keys } from '../../decide/sessions/session.js'
import type { Credential, SessionRecord, SessionRequest, AuthMethod } from '../../engine.js'

/** A session that has not ended, in memory. */
export interface Session extends Omit<SessionRecord, 'state' | 'hidden' | 'credential'>, Connected, Keys {
  /** The fields of the credential. To save memory, they are not in an object of their own. */
  authMethod: AuthMethod
  tokenId: string | null
  issuedAt: number | null
  credentialExpiresAt: number | null
  /** The number of the session's start. Starts, detachments and hidings are numbered in one sequence, because clocks may go back. */
  number: number
  /** The number of the last hiding of the session's page; null while the page is visible. */
  hiddenSince: number | null
  /** Whether the session's row may be in the store. */
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

/**
 * The fields of a session that are stored. The row has their values in this order. The id is in the key, and the other fields are of use
 * only while the process runs. Names would double the length of the row, which LevelDB keeps in memory: an idle session at the embedded
 * engine takes 5% more memory with them.
 */
const STORED_FIELDS = [
  'number',
  'detached',
  'hiddenSince',
  'appId',
  'userId',
  'guest',
  'authMethod',
  'tokenId',
  'issuedAt',
  'credentialExpiresAt',
  'origin',
  'address',
  'client',
  'node',
  'startedAt',
  'lastSeenAt',
  'rtt',
  'keyHash',
  'previousKeyHash',
  'resumableFor',
  'offline',
] as const satisfies readonly (keyof Session)[]

/** The values of `STORED_FIELDS`. */
export type StoredSession = readonly unknown[]

export const storedSessionOf = (session: Session): StoredSession =>
  STORED_FIELDS.map((field) => session[field])

/**
 * Makes a session of a stored row. No connection carries the session any more. If one did when the row was written, the session counts as
 * seen until `openAt`, because answers to pings are not written.
 */
export const sessionOf = (sessionId: string, stored: StoredSession, openAt: number): Session => {
  const fields = Object.fromEntries(STORED_FIELDS.map((field, n) => [field, stored[n]]))
  const row = fields as Pick<Session, (typeof STORED_FIELDS)[number]>
  return {
    ...row,
    sessionId,
    lastSeenAt: row.detached === null ? Math.max(row.lastSeenAt, openAt) : row.lastSeenAt,
    connectionId: null,
    expiresAt: null,
    offlineAt: null,
    mayBeStored: true,
  }
}
