import type { Credential, SessionRecord, SessionRequest, UserRef } from '../../engine.js'
import type { CredentialArgs } from '../calls/sessions.js'
import { hashOf } from '../keys.js'
import { pairsOf } from '../lists.js'
import type { SessionRow, StartedRow } from './session-row.js'

type Facts = Pick<SessionRecord, 'origin' | 'address' | 'client' | 'node'>

export const recordOf = ({ appId, userId }: UserRef, sessionId: string, row: SessionRow): SessionRecord => {
  const { origin, address, client, node } = JSON.parse(row.facts) as Facts
  return {
    appId,
    userId,
    sessionId,
    guest: row.guest,
    credential: JSON.parse(row.credential) as Credential,
    origin,
    address,
    client,
    node,
    startedAt: row.startedAt,
    lastSeenAt: row.lastSeenAt,
    state: row.connectionId === undefined ? 'detached' : 'active',
    hidden: row.hiddenSince !== undefined,
    rtt: null,
  }
}

/** A session as Redis has it. */
export interface StoredSession {
  readonly record: SessionRecord
  /** The node of the connection that carries the session; undefined while the session is detached. */
  readonly nodeId: string | undefined
}

/** Returns the sessions of a list of ids and rows, oldest first. */
export const storedSessions = (of: UserRef, list: readonly string[]): StoredSession[] => {
  return pairsOf(list)
    .map(([id, json]) => [id, JSON.parse(json) as SessionRow] as const)
    .sort(([, a], [, b]) => a.number - b.number)
    .map(([id, row]) => ({ record: recordOf(of, id, row), nodeId: row.nodeId }))
}

/** Returns the short text that stands for a token's id in rows and in the names of keys. */
export const tokenHash = (appId: string, tokenId: string): string => hashOf(appId, tokenId)

/** Returns a credential as arguments of a step. */
export const credentialArgs = (
  appId: string,
  { authMethod, tokenId, issuedAt, expiresAt }: Credential,
): CredentialArgs => [
  authMethod,
  tokenId === null ? null : tokenHash(appId, tokenId),
  issuedAt,
  JSON.stringify({ authMethod, tokenId, issuedAt, expiresAt }),
]

/**
 * Returns the fields that a node knows for the row of a session that starts or is resumed. They are JSON without the first brace, because
 * `startSession` puts its own fields before them. `use` is what `SharedRevocations.useToken` has returned.
 */
export const startedRow = (request: SessionRequest, nodeId: string, use: string): string => {
  const { appId, connectionId, keyHash, resumableFor, guest, origin, address, client, node } = request
  const [authMethod, token, issuedAt, credential] = credentialArgs(appId, request.credential)
  // A client may send half of a surrogate pair as its name. Scripts parse these facts with cjson, which refuses half of a pair.
  const facts: Facts = { origin, address, client: client?.toWellFormed() ?? null, node }
  const row: StartedRow = {
    connectionId,
    nodeId,
    keyHash,
    resumableFor,
    guest,
    authMethod,
    token: token ?? undefined,
    issuedAt: issuedAt ?? undefined,
    credential,
    facts: JSON.stringify(facts),
    tokenUse: use || undefined,
  }
  return JSON.stringify(row).slice(1)
}
