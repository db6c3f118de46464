import type { Credential, SessionRecord, SessionRequest, UserRef } from '../../engine.js'
import { hashOf } from '../keys.js'
import { fields } from '../lua/fields.js'

const { session } = fields

/** The fields of a session's row that this module reads. */
type Row = Readonly<
  Record<(typeof session)['number' | 'startedAt' | 'lastSeenAt' | 'guest'], number> &
    Record<(typeof session)['credential' | 'facts'], string> &
    Partial<Record<(typeof session)['hiddenSince'], number>> &
    Partial<Record<(typeof session)['connectionId' | 'nodeId'], string>>
>

type Facts = Pick<SessionRecord, 'origin' | 'address' | 'client' | 'node'>

const numberOf = (json: string): number => (JSON.parse(json) as Row)[session.number]

export const recordOf = ({ appId, userId }: UserRef, sessionId: string, json: string): SessionRecord => {
  const row = JSON.parse(json) as Row
  const { origin, address, client, node } = JSON.parse(row[session.facts]) as Facts
  return {
    appId,
    userId,
    sessionId,
    guest: row[session.guest] === 1,
    credential: JSON.parse(row[session.credential]) as Credential,
    origin,
    address,
    client,
    node,
    startedAt: row[session.startedAt],
    lastSeenAt: row[session.lastSeenAt],
    state: row[session.connectionId] === undefined ? 'detached' : 'active',
    hidden: row[session.hiddenSince] !== undefined,
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
  const rows: [id: string, json: string][] = []
  for (let n = 0; n + 1 < list.length; n += 2) rows.push([list[n] ?? '', list[n + 1] ?? ''])
  return rows
    .sort(([, a], [, b]) => numberOf(a) - numberOf(b))
    .map(([id, json]) => ({
      record: recordOf(of, id, json),
      nodeId: (JSON.parse(json) as Row)[session.nodeId],
    }))
}

/** Returns the short text that stands for a token's id in rows and in the names of keys. */
export const tokenHash = (appId: string, tokenId: string): string => hashOf(appId, tokenId)

/** Returns a credential as arguments of a step: its method, its `tokenHash`, when it was issued, and all of it as JSON. */
export const credentialArgs = (
  appId: string,
  { authMethod, tokenId, issuedAt, expiresAt }: Credential,
): [authMethod: string, token: string, issuedAt: string, json: string] => [
  authMethod,
  tokenId === null ? '' : tokenHash(appId, tokenId),
  issuedAt === null ? '' : String(issuedAt),
  JSON.stringify({ authMethod, tokenId, issuedAt, expiresAt }),
]

/**
 * Returns the fields that a node knows for the row of a session that starts or is resumed. They are JSON without the first brace, because
 * `session-start` puts its own fields before them. `use` is what `SharedRevocations.useToken` has returned.
 */
export const startedRow = (request: SessionRequest, nodeId: string, use: string): string => {
  const { appId, connectionId, keyHash, resumableFor, guest, origin, address, client, node } = request
  const [authMethod, token, , credential] = credentialArgs(appId, request.credential)
  const json = JSON.stringify({
    [session.connectionId]: connectionId,
    [session.nodeId]: nodeId,
    [session.keyHash]: keyHash,
    [session.resumableFor]: resumableFor,
    [session.guest]: guest ? 1 : 0,
    [session.authMethod]: authMethod,
    [session.token]: token || undefined,
    [session.issuedAt]: request.credential.issuedAt ?? undefined,
    [session.credential]: credential,
    // A client may send half of a surrogate pair as its name. Scripts parse these facts with cjson, which refuses half of a pair.
    [session.facts]: JSON.stringify({ origin, address, client: client?.toWellFormed() ?? null, node }),
    [session.tokenUse]: use || undefined,
  })
  return json.slice(1)
}
