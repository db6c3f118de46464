import type { Credential, SessionRecord, SessionRequest, UserRef } from '../engine.js'
import { hashOf } from './keys.js'

/** A row of a user's sessions, as far as it is read here. `lua/sessions.lua` describes it. */
interface Row {
  n: number
  s: number
  l: number
  c?: string
  h?: number
  g: number
  r?: number
  cr: string
  fa: string
}

type Facts = Pick<SessionRecord, 'origin' | 'address' | 'client' | 'node'>

const numberOf = (json: string): number => (JSON.parse(json) as Row).n

export const recordOf = ({ appId, userId }: UserRef, sessionId: string, json: string): SessionRecord => {
  const row = JSON.parse(json) as Row
  const { origin, address, client, node } = JSON.parse(row.fa) as Facts
  return {
    appId,
    userId,
    sessionId,
    guest: row.g === 1,
    credential: JSON.parse(row.cr) as Credential,
    origin,
    address,
    client,
    node,
    startedAt: row.s,
    lastSeenAt: row.l,
    state: row.c === undefined ? 'detached' : 'active',
    hidden: row.h !== undefined,
    rtt: row.r ?? null,
  }
}

/** The records of a list of ids and rows, oldest first. */
export const recordsOf = (of: UserRef, list: readonly string[]): SessionRecord[] => {
  const rows: [id: string, json: string][] = []
  for (let n = 0; n + 1 < list.length; n += 2) rows.push([list[n] ?? '', list[n + 1] ?? ''])
  return rows.sort(([, a], [, b]) => numberOf(a) - numberOf(b)).map(([id, json]) => recordOf(of, id, json))
}

/** A token's id in rows and keys. */
export const tokenHash = (appId: string, tokenId: string): string => hashOf(appId, tokenId)

/** A credential as the arguments of a step: its method, token and time, and the whole as JSON. */
export const credentialArgs = (
  appId: string,
  { authMethod, tokenId, issuedAt, expiresAt }: Credential,
): [authMethod: string, token: string, issuedAt: string, json: string] => [
  authMethod,
  tokenId === null ? '' : tokenHash(appId, tokenId),
  issuedAt === null ? '' : String(issuedAt),
  JSON.stringify({ authMethod, tokenId, issuedAt, expiresAt }),
]

export const factsJson = ({ origin, address, client, node }: SessionRequest): string =>
  JSON.stringify({ origin, address, client, node })
