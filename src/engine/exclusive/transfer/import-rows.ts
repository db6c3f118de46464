import { randomUUID } from 'node:crypto'
import type { StoredUsage } from '../store/usage.js'
import { EngineError } from '../../errors.js'
import { unfinishedTransfer, type SentId, type TransferRecord } from '../../transfer.js'
import type { UserRef } from '../../engine.js'
import type { PushOwner } from '../../push-devices.js'
import type { EventCountsRow } from '../webhooks/event-counts.js'
import { EMPTY_QUEUE, seqOf, sizeOf, type EventRow, type Queue } from '../../decide/webhooks/queue.js'
import { putFormat } from '../store/format.js'
import type { IdempotencyRow } from '../messages/ids/idempotency.js'
import type { StoredInbox } from '../messages/inbox-row.js'
import { deletionsSuffix } from '../messages/inbox-table.js'
import type { AdoptionRow } from '../sessions/adoptions.js'
import type { UserRow } from '../sessions/revocations.js'
import { storedUserOf } from '../sessions/user-row.js'
import { rows } from '../store/rows.js'
import { del, put, read, readAll, type Store } from '../store/store.js'
import type { Check } from '../../decide/messages/unread-check.js'
import type { ScanRow } from '../messages/unread/unread-scan.js'
import { randomDigits } from '../../../util/random-digits.js'
import { ImportedInbox } from './import-inbox.js'
import { RowWriter } from './row-writer.js'

type RecordOf<Kind extends TransferRecord['kind']> = Extract<TransferRecord, { kind: Kind }>

const ROWS_PER_DELETION = 1_000

/** The range of all keys. Each key begins with a letter. */
const EVERYTHING = { gte: '!', lt: '~' }

/** Writes records into an empty store. A record that comes twice counts once. */
export class RowImport {
  readonly #store: Store
  readonly #writer: RowWriter
  /** The time at which the engine's clock begins when the store is first opened. */
  readonly #now = Date.now()
  readonly #usage = new Map<string, StoredUsage>()
  readonly #events = new Map<string, EventCountsRow>()
  /** The bytes of each sender's messages in the inboxes of others, by the row of the sender's inbox. */
  readonly #sent = new Map<string, number>()
  #inbox: ImportedInbox | undefined

  constructor(store: Store) {
    this.#store = store
    this.#writer = new RowWriter(store)
  }

  /**
   * Stores the row `unfinishedTransfer`. Rejects if the store is not empty. But with `restart` a store that has this row is emptied.
   * `where` names the store in errors.
   */
  async begin(where: string, restart: boolean): Promise<void> {
    if (read(this.#store, rows.unfinishedTransfer) !== undefined) {
      if (!restart) throw new EngineError('unavailable', unfinishedTransfer(where))
      return this.#clear()
    }
    const [found] = await readAll(this.#store, { ...EVERYTHING, limit: 1 })
    if (found)
      throw new EngineError('unavailable', `${where} holds data: name a folder that is new or empty in --to.`)
    await this.#store.batch([put(rows.unfinishedTransfer, this.#now)], { sync: true })
  }

  async write(records: readonly TransferRecord[]): Promise<void> {
    for (const record of records) {
      if (record.kind !== 'message') this.#finishInbox()
      this.#add(record)
      await this.#writer.writeFull()
    }
  }

  async finish(): Promise<void> {
    this.#finishInbox()
    for (const [row, sent] of this.#sent) {
      const inbox = this.#writer.get(row) as StoredInbox | undefined
      if (inbox) this.#writer.put(row, [sent, ...inbox.slice(1)])
      await this.#writer.writeFull()
    }
    for (const [appId, usage] of this.#usage) this.#writer.put(rows.usage(appId), usage)
    for (const [appId, counts] of this.#events) this.#writer.put(rows.eventCounts(appId), counts)
    this.#writer.put(rows.time, this.#now)
    await this.#writer.write()
    await this.#store.batch([putFormat(), del(rows.unfinishedTransfer)], { sync: true })
  }

  /** Deletes all rows but `unfinishedTransfer`. */
  async #clear(): Promise<void> {
    for (let found = ROWS_PER_DELETION; found >= ROWS_PER_DELETION;) {
      const keys = await this.#store.iterator({ ...EVERYTHING, limit: ROWS_PER_DELETION }).all()
      const deletions = keys.filter(([key]) => key !== rows.unfinishedTransfer).map(([key]) => del(key))
      found = keys.length
      await this.#store.batch(deletions, { sync: true })
    }
  }

  #add(record: TransferRecord): void {
    const writer = this.#writer
    switch (record.kind) {
      case 'key':
        return writer.put(rows.key, record.key)
      case 'app':
        if (record.revokedBefore !== null)
          writer.put(rows.appRevocation('app', record.appId), record.revokedBefore)
        return
      case 'unread-scan':
        return writer.put(rows.unreadScan(record.appId), true satisfies ScanRow)
      case 'token':
        return this.#addToken(record)
      case 'user':
        return this.#addUser(record)
      case 'devices': {
        const { appId, userId, devices } = record
        writer.put(rows.pushDevices(record), devices)
        for (const { id, keys } of devices)
          writer.put(rows.pushOwner(appId, id), [userId, keys.p256dh, keys.auth] satisfies PushOwner)
        return writer.put(rows.pushes.at(record, this.#now), 1)
      }
      case 'seen': {
        const row = rows.lastSeen(record)
        const known = writer.get(row) as number | undefined
        return writer.put(row, Math.max(record.lastSeenAt, known ?? 0))
      }
      case 'revocation': {
        const { revokedBefore, deletions } = record
        writer.put(rows.appRevocation('hasUsers', record.appId), 1)
        return writer.put(rows.revokedUser(record), { revokedBefore, deletions } satisfies UserRow)
      }
      case 'adoption': {
        const { by, byCreatedAt, createdAt, messages, left, isMoving } = record
        const [row, until] = [rows.adoption(record), Math.ceil(this.#now + left)]
        writer.put(row, [until, by, byCreatedAt, createdAt, messages] satisfies AdoptionRow)
        writer.put(rows.expiry(until, randomUUID()), [row])
        if (isMoving) writer.put(rows.moving(record), 1)
        return
      }
      case 'inbox':
        // If the record has come before, its inbox is counted already.
        if (writer.get(rows.inbox(record)) === undefined) this.#inbox = new ImportedInbox(record, writer)
        return
      case 'message':
        if (!this.#inbox) return
        this.#inbox.add(record, this.#now - record.age)
        this.#countSent(record)
        if (record.sent) this.#addId(record, record.sent)
        return
      case 'check': {
        const row = rows.unreadChecks.at(record, Math.ceil(this.#now + record.left))
        return writer.put(row, [record.offset, record.deletions] satisfies Check)
      }
      case 'event':
        return this.#addEvent(record)
    }
  }

  #usageOf(appId: string): StoredUsage {
    const usage = this.#usage.get(appId) ?? { users: 0, guests: 0, inboxes: 0, bytes: 0 }
    this.#usage.set(appId, usage)
    return usage
  }

  #countSent({ appId, userId, message: { from }, size }: RecordOf<'message'>): void {
    if (from === null || from === userId) return
    const row = rows.inbox({ appId, userId: from })
    this.#sent.set(row, (this.#sent.get(row) ?? 0) + size)
  }

  #addUser({ user, guest }: RecordOf<'user'>): void {
    const row = rows.user(user)
    if (this.#writer.get(row) !== undefined) return
    this.#writer.put(row, storedUserOf(user))
    if (guest) this.#writer.put(rows.guest(user), 1)
    const usage = this.#usageOf(user.appId)
    usage.users++
    usage.guests += Number(guest)
  }

  #addToken({ appId, tokenId, left }: RecordOf<'token'>): void {
    const row = rows.revokedToken(appId, tokenId)
    const until = left === null ? Infinity : Math.ceil(this.#now + left)
    this.#writer.put(rows.appRevocation('hasTokens', appId), 1)
    this.#writer.put(row, [until])
    if (until < Infinity) this.#writer.put(rows.expiry(until, randomUUID()), [row])
  }

  #addId({ appId, message }: RecordOf<'message'>, { digest, ownOffset, left, deletions }: SentId): void {
    const { id, from, to, offset, sentAt } = message
    const row = rows.idempotencyKey({ appId, from, to, id }) + deletionsSuffix(deletions.toReversed())
    const expiresAt = Math.ceil(this.#now + left)
    this.#writer.put(row, [expiresAt, digest, offset, ownOffset, sentAt] satisfies IdempotencyRow)
  }

  #addEvent({ event, attempts, lastError, state }: RecordOf<'event'>): void {
    const { appId, userId } = event
    const of: UserRef = { appId, userId }
    const rowOf = state === 'pending' ? rows.pendingEvent : rows.failedEvent
    const queue = (this.#writer.get(rows.eventQueue(of)) as Queue | undefined) ?? EMPTY_QUEUE
    // In Redis two partitions may have given the same number to two events. The second one gets a higher number here.
    let { seq } = event
    const isTaken = (): boolean =>
      [rows.pendingEvent(appId, seq), rows.failedEvent(appId, seq)].some(
        (row) => this.#writer.get(row) !== undefined,
      )
    if ((this.#writer.get(rowOf(appId, seq)) as EventRow | undefined)?.event.id === event.id) return
    while (isTaken() || (state === 'pending' && seq <= queue.last)) seq++
    const id = seq === seqOf(event.id) ? event.id : `evt_${seq}_${randomDigits()}`
    const size = sizeOf(event)
    const row: EventRow = { event: { ...event, id, seq }, attempts, lastError }
    this.#writer.put(rowOf(appId, seq), row)

    const counts = this.#events.get(appId) ?? { last: 0, pending: 0, failed: 0, bytes: 0 }
    counts.last = Math.max(counts.last, seq)
    counts[state]++
    this.#events.set(appId, counts)
    if (state === 'failed') return
    counts.bytes += size
    // Runs are numbered from 1, and rows of earlier runs are due at once. So with `run` 0 the event is due at once.
    if (queue.count === 0) this.#writer.put(rows.dueEvent(appId, { run: 0, dueAt: 0, userId }), 1)
    else this.#writer.put(rows.nextEvent(of, queue.last), seq)
    const { first, count, bytes } = queue
    const grown: Queue = { ...queue, first: first || seq, last: seq, count: count + 1, bytes: bytes + size }
    this.#writer.put(rows.eventQueue(of), grown)
  }

  #finishInbox(): void {
    const inbox = this.#inbox
    if (!inbox) return
    this.#inbox = undefined
    inbox.finish()
    const usage = this.#usageOf(inbox.of.appId)
    usage.inboxes++
    usage.bytes += inbox.bytes
  }
}
