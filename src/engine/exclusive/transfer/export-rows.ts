import type { Message } from '../../../protocol/index.js'
import type { UserRef } from '../../engine.js'
import type { PeerMark, SentId, TransferPages, TransferRecord, UserFacts } from '../../transfer.js'
import { userKey } from '../../user-key.js'
import type { EventRow } from '../../decide/webhooks/queue.js'
import type { Check } from '../../decide/messages/unread-check.js'
import type { IdempotencyRow } from '../messages/ids/idempotency.js'
import { Inbox } from '../messages/inbox.js'
import { messageRowOf, type StoredMessage } from '../messages/inbox-row.js'
import { deletionsSuffix } from '../messages/inbox-table.js'
import type { ScanRow } from '../messages/unread/unread-scan.js'
import type { PushRow } from '../push/pushes.js'
import type { AdoptionRow } from '../sessions/adoptions.js'
import type { RevokedToken, UserRow } from '../sessions/revocations.js'
import { openAtOf, sessionOf, type StoredSession } from '../sessions/session-row.js'
import { userRecordOf, type StoredUser } from '../sessions/user-row.js'
import { below } from '../store/row-keys.js'
import { lastOf, rows } from '../store/rows.js'
import { read, readAll, type Range, type Store } from '../store/store.js'

/** A message may have 16 kB, so a page may have 5 MB. */
const ROWS_PER_PAGE = 300

/** Returns the ids in a key of three parts. */
const refOf = (row: string): UserRef => {
  const [, appId = '', userId = ''] = row.split('\0')
  return { appId, userId }
}

const deletionsOf = (store: Store, of: UserRef): number =>
  (read(store, rows.revokedUser(of)) as UserRow | undefined)?.deletions ?? 0

async function* pagesOf<T>(store: Store, range: Range): AsyncGenerator<[string, T][]> {
  for (let { gte } = range; ;) {
    const found = await readAll<T>(store, { ...range, gte, limit: ROWS_PER_PAGE })
    if (found.length > 0) yield found
    const last = found.at(-1)
    if (!last || found.length < ROWS_PER_PAGE) return
    gte = `${last[0]}\0`
  }
}

/** Yields the records of a store that no engine has open. */
export async function* exportRows(store: Store): TransferPages {
  // Rows have times of the engine's clock. It stops while no engine is open, so its stored time is still the present one.
  const now = (read(store, rows.time) as number | undefined) ?? Date.now()
  const leftOf = (time: number): number => Math.max(0, time - now)

  /** Yields the records that `recordOf` makes of the rows of a range. */
  async function* each(
    range: Range,
    recordOf: (row: string, value: never) => TransferRecord | undefined,
  ): TransferPages {
    for await (const found of pagesOf<never>(store, range))
      yield found.flatMap(([row, value]) => recordOf(row, value) ?? [])
  }
  const ofUsers = (kind: string, factsOf: (of: UserRef, value: never) => Partial<UserFacts>): TransferPages =>
    each(below(kind), (row, value) => {
      const of = refOf(row)
      return { kind: 'user', ...of, ...factsOf(of, value) }
    })

  const key = read(store, rows.key) as string | undefined
  yield key === undefined ? [] : [{ kind: 'key', key }]
  yield* each(below('revoked app'), (row, revokedBefore: number) => {
    return { kind: 'app', appId: lastOf(row), revokedBefore }
  })
  yield* each(rows.allUnreadScans, (row, scan: ScanRow) =>
    scan === true ? { kind: 'app', appId: lastOf(row), isSearched: true } : undefined,
  )
  yield* each(below('revoked token'), (row, [until]: RevokedToken) => {
    const [, appId = '', ...tokenId] = row.split('\0')
    return { kind: 'token', appId, tokenId: tokenId.join('\0'), left: until === null ? null : leftOf(until) }
  })
  yield* ofUsers('revoked', (_of, revoked: UserRow) => ({ revoked }))
  yield* ofUsers('user', (of, stored: StoredUser) => {
    const guest = read(store, rows.guest(of)) !== undefined
    return { record: userRecordOf(of, stored), guest }
  })
  yield* ofUsers('push', (_of, { devices }: PushRow) => ({ devices: [...devices] }))
  // The row `seen` of a user with a session may be older than the session.
  const inSession = new Map<string, UserFacts & { lastSeenAt: number }>()
  const openAt = openAtOf(store)
  for await (const found of pagesOf<StoredSession>(store, rows.allSessions))
    for (const [row, stored] of found) {
      const { appId, userId, lastSeenAt } = sessionOf(lastOf(row), stored, openAt)
      const facts = { kind: 'user', appId, userId, lastSeenAt } as const
      if (lastSeenAt > (inSession.get(userKey(facts))?.lastSeenAt ?? 0)) inSession.set(userKey(facts), facts)
    }
  yield* ofUsers('seen', (of, seenAt: number) => {
    const { lastSeenAt = 0 } = inSession.get(userKey(of)) ?? {}
    inSession.delete(userKey(of))
    return { lastSeenAt: Math.max(seenAt, lastSeenAt) }
  })
  yield [...inSession.values()]
  yield* ofUsers('adoption', (guest, [until, by, byCreatedAt, createdAt, messages]: AdoptionRow) => {
    const isMoving = read(store, rows.moving(guest)) !== undefined
    return { adoption: { by, byCreatedAt, createdAt, messages, left: leftOf(until), isMoving } }
  })
  for await (const found of pagesOf(store, below('inbox')))
    for (const [row] of found) yield* exportInbox(store, refOf(row), now)
  yield* each(below('unread check'), (row, [offset, deletions]: Check) => {
    const { time, userId } = rows.unreadChecks.of(row)
    const of = { appId: refOf(row).appId, userId }
    // Leaves the check out if the inbox was deleted after the check was stored, or if a user has adopted the guest.
    if (deletionsOf(store, of) !== deletions || read(store, rows.adoption(of)) !== undefined) return undefined
    return { kind: 'user', ...of, check: { offset, deletions, left: leftOf(time) } }
  })
  yield* each(below('event'), (_row, event: EventRow) => ({ kind: 'event', ...event, state: 'pending' }))
  yield* each(below('failed event'), (_row, event: EventRow) => ({
    ...{ kind: 'event', ...event, state: 'failed' },
  }))
}

async function* exportInbox(store: Store, of: UserRef, now: number): TransferPages {
  const deletions = deletionsOf(store, of)
  // The constructor reads the messages that the inbox's row lacks, so `assigned` covers them.
  const {
    assigned,
    marks: { readOffset },
  } = new Inbox(of, deletions, '', store, false)
  const { offset, first } = assigned
  const marks: PeerMark[] = []
  const ref = { ...of, deletions }
  for await (const found of pagesOf<[offset: number, newest: number]>(store, rows.peerMarks(ref)))
    marks.push(...found.map(([row, mark]): PeerMark => [rows.peerOfMark(row), ...mark]))
  yield [{ kind: 'inbox', ...ref, offset, first, readOffset, marks }]

  const sentIdOf = ({ id, from, to }: Message): SentId | null => {
    if (to !== of.userId) return null
    const fromDeletions = from === null ? 0 : deletionsOf(store, { ...of, userId: from })
    const row = rows.idempotencyKey({ appId: of.appId, from, to, id })
    const stored = read(store, row + deletionsSuffix([fromDeletions, deletions])) as
      IdempotencyRow | undefined
    if (!stored || stored[0] <= now) return null
    const [expiresAt, digest, , ownOffset] = stored
    return { digest, ownOffset, left: expiresAt - now, deletions: [deletions, fromDeletions] }
  }
  for await (const found of pagesOf<StoredMessage>(store, rows.messages(ref, first, offset + 1)))
    yield found.map(([key, stored]): TransferRecord => {
      const { message, at, size, isRead } = messageRowOf(rows.offsetOf(key), stored)
      const age = Math.max(0, now - at)
      return { kind: 'message', ...of, message, size, age, sent: sentIdOf(message), isRead }
    })
}
