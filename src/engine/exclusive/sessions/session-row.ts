import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Connected, Keys } from '../../decide/sessions/session.js'
import type { Credential, SessionRecord, SessionRequest } from '../../engine.js'
import { lastOf, rows } from '../store/rows.js'
import { read, readAll, type Store } from '../store/store.js'

/** A session that has not ended, in memory. */
export interface Session extends Omit<SessionRecord, 'state' | 'hidden'>, Connected, Keys {
  /** The number of the session's start. Starts, detachments and hidings are numbered in one sequence, because clocks may go back. */
  number: number
  /** The number of the last hiding of the session's page; null while the page is visible. */
  hiddenSince: number | null
}

/** Returns a session that starts now. Its page is visible. */
export const newSession = (request: SessionRequest, number: number): Session => {
  const { appId, userId, guest, origin, address, client, node, connectionId, keyHash, resumableFor } = request
  const now = Date.now()
  return {
    number,
    detached: null,
    hiddenSince: null,
    appId,
    userId,
    sessionId: randomUUID(),
    guest,
    credential: request.credential,
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
  }
}

export const isHidden = ({ hiddenSince }: Pick<Session, 'hiddenSince'>): boolean => hiddenSince !== null

export const recordOf = (session: Session): SessionRecord => ({
  appId: session.appId,
  userId: session.userId,
  sessionId: session.sessionId,
  guest: session.guest,
  credential: session.credential,
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

const CREDENTIAL_FIELDS = [
  'authMethod',
  'tokenId',
  'issuedAt',
  'expiresAt',
] as const satisfies readonly (keyof Credential)[]

/** The values of `STORED_FIELDS`, and then those of the credential's fields. */
export type StoredSession = readonly unknown[]

export const storedSessionOf = (session: Session): StoredSession => [
  ...STORED_FIELDS.map((field) => session[field]),
  ...CREDENTIAL_FIELDS.map((field) => session.credential[field]),
]

const named = (names: readonly string[], values: readonly unknown[]): unknown =>
  Object.fromEntries(names.map((name, n) => [name, values[n]]))

/**
 * Makes a session of a stored row. No connection carries the session any more. If one did when the row was written, the session counts as
 * seen until `openAt`, because answers to pings are not written.
 */
export const sessionOf = (sessionId: string, stored: StoredSession, openAt: number): Session => {
  const row = named(STORED_FIELDS, stored) as Pick<Session, (typeof STORED_FIELDS)[number]>
  return {
    ...row,
    credential: named(CREDENTIAL_FIELDS, stored.slice(STORED_FIELDS.length)) as Credential,
    sessionId,
    lastSeenAt: row.detached === null ? Math.max(row.lastSeenAt, openAt) : row.lastSeenAt,
    connectionId: null,
    expiresAt: null,
    offlineAt: null,
  }
}

/** Returns the last time at which the engine is known to have been open; 0 if no time is stored. */
export const openAtOf = (store: Store): number => (read(store, rows.openAt) as number | undefined) ?? 0

/** How many sessions are read in one turn of the event loop. Each takes about 8 µs. */
const READ_PER_STEP = 256

/** Reads the stored sessions, in the order of their starts. */
export const readSessions = async (store: Store): Promise<Session[]> => {
  const openAt = openAtOf(store)
  const sessions: Session[] = []
  for (let after: string | undefined; ;) {
    const page = await readAll<StoredSession>(store, { ...rows.sessionsAfter(after), limit: READ_PER_STEP })
    for (const [row, stored] of page) sessions.push(sessionOf(lastOf(row), stored, openAt))
    if (page.length < READ_PER_STEP) return sessions.sort((a, b) => a.number - b.number)
    after = page.at(-1)?.[0]
    await nextTurn()
  }
}
