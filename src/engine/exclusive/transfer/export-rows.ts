import type { PushDevice, UserRef } from '../../engine.js'
import type { PeerMark, SentId, TransferRecord } from '../../transfer.js'
import type { EventRow } from '../../decide/webhooks/queue.js'
import type { IdempotencyRow } from '../messages/ids/idempotency.js'
import { Inbox } from '../messages/inbox.js'
import type { Message } from '../../../protocol/index.js'
import { messageRowOf, type StoredInbox, type StoredMessage } from '../messages/inbox-row.js'
import { deletionsSuffix } from '../messages/inbox-table.js'
import type { AdoptionRow } from '../sessions/adoptions.js'
import type { RevokedToken, UserRow } from '../sessions/revocations.js'
import { below } from '../store/row-keys.js'
import { lastOf, rows } from '../store/rows.js'
import { openAtOf } from '../sessions/session-journal.js'
import { sessionOf, type StoredSession } from '../sessions/session-row.js'
import { userRecordOf, type StoredUser } from '../sessions/user-row.js'
import { read, readAll, type Range, type Store } from '../store/store.js'
import type { Check } from '../../decide/messages/unread-check.js'
import type { ScanRow } from '../messages/unread/unread-scan.js'

const ROWS_PER_PAGE = 500
/** A message may have 16 kB, so a page may have 3 MB. */
const MESSAGES_PER_PAGE = 200

/** Returns the ids in a key of three parts. */
const refOf = (row: string): UserRef => {
  const [, appId = '', userId = ''] = row.split('\0')
  return { appId, userId }
}

const deletionsOf = (store: Store, of: UserRef): number =>
  (read(store, rows.revokedUser(of)) as UserRow | undefined)?.deletions ?? 0

async function* pagesOf<T>(store: Store, range: Range, limit = ROWS_PER_PAGE): AsyncGenerator<[string, T][]> {
  for (let { gte } = range; ;) {
    const found = await readAll<T>(store, { ...range, gte, limit })
    if (found.length > 0) yield found
    const last = found.at(-1)
    if (!last || found.length < limit) return
    gte = `${last[0]}\0`
  }
}

/** Yields the records of a store that no engine has open. */
export async function* exportRows(store: Store): AsyncGenerator<TransferRecord[]> {
  // Rows have times of the engine's clock. It stops while no engine is open, so its stored time is still the present one.
  const now = (read(store, rows.time) as number | undefined) ?? Date.now()
  const leftOf = (time: number): number => Math.max(0, time - now)

  const key = read(store, rows.key) as string | undefined
  if (key !== undefined) yield [{ kind: 'key', key }]

  for await (const found of pagesOf<number>(store, rows.allAppRevocations))
    yield found.flatMap(([row, revokedBefore]): TransferRecord[] => {
      const { kind, appId } = rows.appRevocationOf(row)
      return kind === 'app' ? [{ kind: 'app', appId, revokedBefore, options: null }] : []
    })
  for await (const found of pagesOf<ScanRow>(store, rows.allUnreadScans))
    yield found.flatMap(([row, scan]): TransferRecord[] =>
      scan === true ? [{ kind: 'unread-scan', appId: lastOf(row) }] : [],
    )
  for await (const found of pagesOf<RevokedToken>(store, below('revoked token')))
    yield found.map(([row, [until]]): TransferRecord => {
      const [, appId = '', ...tokenId] = row.split('\0')
      return {
        kind: 'token',
        appId,
        tokenId: tokenId.join('\0'),
        left: until === null ? null : leftOf(until),
      }
    })
  for await (const found of pagesOf<UserRow>(store, below('revoked')))
    yield found.map(([row, { revokedBefore, deletions }]): TransferRecord => ({
      ...{ kind: 'revocation', ...refOf(row), revokedBefore, deletions },
    }))
  for await (const found of pagesOf<StoredUser>(store, below('user')))
    yield found.map(([row, stored]): TransferRecord => {
      const of = refOf(row)
      const guest = read(store, rows.guest(of)) !== undefined
      return { kind: 'user', user: userRecordOf(of, stored), guest }
    })
  for await (const found of pagesOf<PushDevice[]>(store, below('push')))
    yield found.map(([row, devices]): TransferRecord => ({ kind: 'devices', ...refOf(row), devices }))
  for await (const found of pagesOf<number>(store, below('seen')))
    yield found.map(([row, lastSeenAt]): TransferRecord => ({ kind: 'seen', ...refOf(row), lastSeenAt }))
  const openAt = openAtOf(store)
  for await (const found of pagesOf<StoredSession>(store, rows.allSessions))
    yield found.map(([row, stored]): TransferRecord => {
      const { appId, userId, lastSeenAt } = sessionOf(lastOf(row), stored, openAt)
      return { kind: 'seen', appId, userId, lastSeenAt }
    })

  for await (const found of pagesOf<AdoptionRow>(store, below('adoption')))
    yield found.map(([row, [until, by, byCreatedAt, createdAt, messages]]): TransferRecord => {
      const guest = refOf(row)
      const isMoving = read(store, rows.moving(guest)) !== undefined
      const adoption = { by, byCreatedAt, createdAt, messages, left: leftOf(until), isMoving }
      return { kind: 'adoption', ...guest, ...adoption }
    })
  for await (const found of pagesOf<StoredInbox>(store, below('inbox')))
    for (const [row] of found) yield* exportInbox(store, refOf(row), now)
  for await (const found of pagesOf<Check>(store, below('unread check')))
    yield found.flatMap(([row, [offset, deletions]]): TransferRecord[] => {
      const { time, userId } = rows.unreadChecks.of(row)
      const of = { appId: refOf(row).appId, userId }
      // Leaves the check out if the inbox was deleted after the check was stored, or if a user has adopted the guest.
      if (deletionsOf(store, of) !== deletions || read(store, rows.adoption(of)) !== undefined) return []
      return [{ kind: 'check', ...of, offset, deletions, left: leftOf(time) }]
    })
  for (const state of ['pending', 'failed'] as const)
    for await (const found of pagesOf<EventRow>(store, below(state === 'pending' ? 'event' : 'failed event')))
      yield found.map(([, { event, attempts, lastError }]): TransferRecord => ({
        ...{ kind: 'event', event, attempts, lastError, state },
      }))
}

async function* exportInbox(store: Store, of: UserRef, now: number): AsyncGenerator<TransferRecord[]> {
  const deletions = deletionsOf(store, of)
  // The constructor reads the messages that the inbox's row lacks, so `assigned` covers them.
  const {
    assigned,
    marks: { readOffset },
  } = new Inbox(of, deletions, '', store, false)
  const { offset, first } = assigned
  const marks: PeerMark[] = []
  for await (const found of pagesOf<[offset: number, newest: number]>(
    store,
    rows.peerMarks({ ...of, deletions }),
  ))
    marks.push(...found.map(([row, mark]): PeerMark => [rows.peerOfMark(row), ...mark]))
  yield [{ kind: 'inbox', ...of, deletions, offset, first, readOffset, marks }]

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
  const range = rows.messages({ ...of, deletions }, first, offset + 1)
  for await (const found of pagesOf<StoredMessage>(store, range, MESSAGES_PER_PAGE))
    yield found.map(([key, stored]): TransferRecord => {
      const { message, at, size, isRead } = messageRowOf(rows.offsetOf(key), stored)
      const age = Math.max(0, now - at)
      return { kind: 'message', ...of, message, size, age, sent: sentIdOf(message), isRead }
    })
}
