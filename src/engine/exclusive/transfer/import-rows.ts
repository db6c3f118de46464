import { randomUUID } from 'node:crypto'
import { Clock } from '../../../util/clock.js'
import { Scheduler } from '../../../util/scheduler.js'
import { EngineError } from '../../errors.js'
import type { PushOwner } from '../../decide/push/device-owner.js'
import {
  unfinishedTransfer,
  type RecordOf,
  type TransferPages,
  type TransferRecord,
  type UserFacts,
} from '../../transfer.js'
import { sizeOf } from '../../decide/webhooks/event-size.js'
import { withEvent, type EventRow } from '../../decide/webhooks/queue.js'
import type { Check } from '../../decide/messages/unread-check.js'
import type { IdempotencyRow } from '../messages/ids/idempotency.js'
import type { StoredInbox } from '../messages/inbox-row.js'
import { deletionsSuffix } from '../messages/inbox-table.js'
import type { ScanRow } from '../messages/unread/unread-scan.js'
import type { PushRow } from '../push/pushes.js'
import type { AdoptionRow } from '../sessions/adoptions.js'
import { revocationKinds, type RevokedToken } from '../sessions/revocations.js'
import { storedUserOf } from '../sessions/user-row.js'
import type { Core } from '../store/core.js'
import { putFormat } from '../store/format.js'
import { GroupCommit } from '../store/group-commit.js'
import { Reads } from '../store/reads.js'
import { rows } from '../store/rows.js'
import { del, put, read, type Operation, type Store } from '../store/store.js'
import { Usage } from '../store/usage.js'
import { UserQueues } from '../webhooks/user-queues.js'
import { ImportedInbox } from './import-inbox.js'

/** How many rows one write has at most that are read, changed and written again, or deleted. */
const ROWS_PER_WRITE = 1_000

/** The range of all keys. Each key begins with a letter. */
const EVERYTHING = { gte: '!', lt: '~', limit: ROWS_PER_WRITE }

const ignore = (): void => undefined

/** Writes records to a store, as a `TransferTarget` does. `where` names the store in errors. */
export const importRows = async (
  store: Store,
  where: string,
  pages: TransferPages,
  restart: boolean,
): Promise<void> => {
  if (read(store, rows.unfinishedTransfer) === undefined) {
    if ((await store.iterator({ ...EVERYTHING, limit: 1 }).all()).length > 0)
      throw new EngineError('unavailable', `${where} holds data: name a folder that is new or empty in --to.`)
    await store.batch([put(rows.unfinishedTransfer, 1)], { sync: true })
  } else {
    if (!restart) throw new EngineError('unavailable', unfinishedTransfer(where))
    await deleteAll(store)
  }
  await new RowImport(store).write(pages)
}

/** Deletes all rows but `unfinishedTransfer`. */
const deleteAll = async (store: Store): Promise<void> => {
  for (;;) {
    const found = await store.iterator(EVERYTHING).all()
    const deletions = found.filter(([key]) => key !== rows.unfinishedTransfer).map(([key]) => del(key))
    if (deletions.length === 0) return
    await store.batch(deletions, { sync: true })
  }
}

class RowImport {
  readonly #store: Store
  readonly #core: Core
  /** The time at which the engine's clock begins when the store is first opened. */
  readonly #now = Date.now()
  readonly #queues: UserQueues
  /** The numbers of webhook events, each behind its app. */
  readonly #numbers = new Set<string>()
  /** The bytes of each sender's messages in the inboxes of others, by the row of the sender's inbox. */
  readonly #sent = new Map<string, number>()
  #inbox: ImportedInbox | undefined
  /** What the next write stores. */
  #operations: Operation[] = []

  constructor(store: Store) {
    this.#store = store
    const commit = new GroupCommit(store, ignore)
    const clock = new Clock(this.#now)
    // No job runs here: the engine that opens the store emits what is due.
    const scheduler = new Scheduler(clock, () => false, ignore)
    const [reads, usage] = [new Reads(store), new Usage(store, commit)]
    this.#core = { store, commit, reads, usage, run: 1, clock, scheduler, emit: ignore, onError: ignore }
    this.#queues = new UserQueues(this.#core)
  }

  async write(pages: TransferPages): Promise<void> {
    for await (const records of pages) {
      for (const record of records) this.#add(record)
      await this.#sync()
    }
    this.#finishInbox()
    await this.#sync()
    const senders = [...this.#sent]
    while (senders.length > 0) {
      for (const [row, sent] of senders.splice(-ROWS_PER_WRITE)) {
        const inbox = read(this.#store, row) as StoredInbox | undefined
        if (inbox) this.#put(row, [sent, ...inbox.slice(1)])
      }
      await this.#sync()
    }
    await this.#core.commit.sync([
      put(rows.revocations, revocationKinds),
      put(rows.time, this.#now),
      put(rows.run, this.#core.run),
      putFormat(),
      del(rows.unfinishedTransfer),
    ])
  }

  /** Each write is synced, because LevelDB does not sync a log after it has begun the next one. */
  async #sync(): Promise<void> {
    const operations = this.#operations
    this.#operations = []
    await this.#core.commit.sync(operations)
  }

  #put(row: string, value: unknown): void {
    this.#operations.push(put(row, value))
  }

  /** Puts a row that expires, and the row by which the sweep finds it. */
  #putExpiring(row: string, left: number, rowAt: (until: number) => unknown): void {
    const until = Math.ceil(this.#now + left)
    this.#put(row, rowAt(until))
    this.#put(rows.expiry(until, randomUUID()), [row])
  }

  #add(record: TransferRecord): void {
    if (record.kind !== 'message') this.#finishInbox()
    switch (record.kind) {
      case 'key':
        return this.#put(rows.key, record.key)
      case 'app': {
        const { appId, revokedBefore, isSearched } = record
        if (revokedBefore !== undefined) this.#put(rows.revokedApp(appId), revokedBefore)
        if (isSearched) this.#put(rows.unreadScan(appId), true satisfies ScanRow)
        return
      }
      case 'token': {
        const { appId, tokenId, left } = record
        const row = rows.revokedToken(appId, tokenId)
        if (left === null) return this.#put(row, [null] satisfies RevokedToken)
        return this.#putExpiring(row, left, (until): RevokedToken => [until])
      }
      case 'user':
        return this.#addUser(record)
      case 'inbox':
        this.#inbox = new ImportedInbox(record, (row, value) => this.#put(row, value))
        return
      case 'message':
        return this.#addMessage(record)
      case 'event':
        return this.#addEvent(record)
    }
  }

  #addUser(facts: UserFacts): void {
    const { appId, userId, record, guest, devices, lastSeenAt, revoked, adoption, check } = facts
    if (record) {
      this.#put(rows.user(facts), storedUserOf(record))
      if (guest) this.#put(rows.guest(facts), 1)
      this.#core.usage.add(appId, { users: 1, guests: guest ? 1 : 0 })
    }
    if (devices) {
      this.#put(rows.pushDevices(facts), { devices, dueAt: this.#now } satisfies PushRow)
      this.#put(rows.pushes.at(facts, this.#now), 1)
      for (const { id, keys } of devices)
        this.#put(rows.pushOwner(appId, id), [userId, keys.p256dh, keys.auth] satisfies PushOwner)
    }
    if (lastSeenAt !== undefined) this.#put(rows.lastSeen(facts), lastSeenAt)
    if (revoked) {
      this.#put(rows.revokedUser(facts), revoked)
    }
    if (adoption) {
      const { by, byCreatedAt, createdAt, messages, left, isMoving } = adoption
      const rowAt = (until: number): AdoptionRow => [until, by, byCreatedAt, createdAt, messages]
      this.#putExpiring(rows.adoption(facts), left, rowAt)
      if (isMoving) this.#put(rows.moving(facts), 1)
    }
    if (check) {
      const { offset, deletions, left } = check
      const row = rows.unreadChecks.at(facts, Math.ceil(this.#now + left))
      this.#put(row, [offset, deletions] satisfies Check)
    }
  }

  #addMessage(record: RecordOf<'message'>): void {
    const { appId, userId, message, size, age, sent } = record
    const { id, from, to, offset, sentAt } = message
    this.#inbox?.add(record, this.#now - age)
    if (from !== null && from !== userId) {
      const row = rows.inbox({ appId, userId: from })
      this.#sent.set(row, (this.#sent.get(row) ?? 0) + size)
    }
    if (!sent) return
    const { digest, ownOffset, left, deletions } = sent
    const row = rows.idempotencyKey({ appId, from, to, id }) + deletionsSuffix(deletions.toReversed())
    const expiresAt = Math.ceil(this.#now + left)
    this.#put(row, [expiresAt, digest, offset, ownOffset, sentAt] satisfies IdempotencyRow)
  }

  #addEvent({ event, attempts, lastError, state }: RecordOf<'event'>): void {
    const { appId, userId } = event
    const of = { appId, userId }
    const queue = this.#queues.of(of)
    // Two partitions of a Redis may have given the same number to two events. Receivers need rising numbers of each user's events.
    let seq = state === 'pending' ? Math.max(event.seq, queue.last + 1) : event.seq
    while (this.#numbers.has(`${appId} ${seq}`)) seq++
    this.#numbers.add(`${appId} ${seq}`)
    const id = event.id.replace(/\d+(?=_[^_]*$)/, String(seq))
    const row: EventRow = { event: { ...event, id, seq }, attempts, lastError }
    const lastEvent = Math.max(0, seq - this.#core.usage.of(appId).lastEvent)
    this.#core.usage.add(appId, { lastEvent, failed: state === 'failed' ? 1 : 0 })
    if (state === 'failed') return this.#put(rows.failedEvent(appId, seq), row)
    this.#put(rows.pendingEvent(appId, seq), row)
    if (queue.last > 0) this.#put(rows.nextEvent(of, queue.last), seq)
    const after = withEvent(queue, row.event, sizeOf(event), this.#queues.dueIn(0))
    this.#queues.set(of, after, this.#operations)
  }

  #finishInbox(): void {
    const inbox = this.#inbox
    if (!inbox) return
    this.#inbox = undefined
    inbox.finish()
    this.#core.usage.add(inbox.of.appId, { inboxes: 1, bytes: inbox.bytes })
  }
}
