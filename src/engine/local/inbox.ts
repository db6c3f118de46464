import type { InboxState, UserRef } from '../engine.js'
import type { Message } from '../../protocol/index.js'
import { del, put, read, rows, type Operation, type Store } from './store.js'

/** A message as it is kept: with what came before it, so that nothing has to be counted through. */
export interface MessageRow extends Message {
  /** Messages from others before this one. */
  received: number
  /** Bytes of the messages before this one, and of this one. */
  bytes: number
  size: number
  /** The oldest offset kept, with this one. */
  first: number
}

/** Up to where an inbox goes: the newest offset, messages from others and bytes up to it, the oldest offset kept. */
export interface Watermark {
  offset: number
  received: number
  bytes: number
  first: number
}

export interface InboxRow extends Watermark {
  readOffset: number
  /** Messages from others up to `readOffset`. */
  readReceived: number
  /** Messages before this one are deleted: its offset, and the bytes that came before it. */
  swept: { offset: number; bytes: number }
  /** Unix time in milliseconds, not after that of the oldest message kept. */
  oldestAt: number
}

/** How many messages an inbox's own row may lag behind: to find them, reading starts where the row ends. */
const MAX_ROW_LAG = 16
/** Deleting waits until so many messages can go together, since it has to read what it counts. */
const MIN_DELETIONS = 64
/** The most messages whose age is looked at in one go. */
const MAX_EXPIRED_PER_STEP = 64

/** Where every inbox begins; most stay there, and share it. */
const EMPTY: Watermark = { offset: 0, received: 0, bytes: 0, first: 1 }
const NONE_RECEIVED = { first: 1, received: 0 }
const NONE_SWEPT = { offset: 1, bytes: 0 }

const watermarkOf = ({ offset, received, bytes, first }: Watermark): Watermark => ({
  offset,
  received,
  bytes,
  first,
})

/** Whether an inbox may hold something that is too old, by its row: messages that the row lacks are newer than it is. */
export const mayHaveExpired = ({ first, offset, oldestAt }: InboxRow, now: number, age: number): boolean =>
  first > offset || oldestAt + age <= now

export const messageOf = ({ offset, id, from, to, sender, body, data, sentAt }: MessageRow): Message => ({
  offset,
  id,
  from,
  to,
  sender,
  ...(body !== undefined && { body }),
  ...(data !== undefined && { data }),
  sentAt,
})

/**
 * One user's inbox. Offsets are given out when a message is queued (`assigned`), and shown once it is synced
 * (`durable`).
 */
export class Inbox {
  readonly of: UserRef
  readonly row: string
  readonly epoch: string
  /** Whether it ever held anything, what is on its way included. */
  exists: boolean
  assigned: Watermark
  durable: Watermark
  readOffset: number
  /** The number of the batch that takes its last change. */
  batch = 0
  readonly #store: Store
  #readReceived: number
  #swept: { offset: number; bytes: number }
  #oldestAt: number
  /** Messages from others before the oldest one kept, as of that one's offset. */
  #receivedAtFirst = NONE_RECEIVED
  /** The offset that its row goes up to. */
  #written: number

  constructor(of: UserRef, epoch: string, store: Store) {
    this.of = of
    this.row = rows.inbox(of)
    this.epoch = epoch
    this.#store = store
    const kept = read(store, this.row) as InboxRow | undefined
    this.exists = kept !== undefined
    this.assigned = kept ? watermarkOf(kept) : EMPTY
    this.#written = this.assigned.offset
    if (kept) this.#catchUp()
    this.durable = this.assigned
    this.readOffset = kept?.readOffset ?? 0
    this.#readReceived = kept?.readReceived ?? 0
    this.#swept = kept?.swept ?? NONE_SWEPT
    this.#oldestAt = kept?.oldestAt ?? 0
  }

  /** Adds its row, as it will be with all that the batch holds. */
  readonly write = (batch: Operation[]): void => {
    const kept: InboxRow = {
      ...this.assigned,
      readOffset: this.readOffset,
      readReceived: this.#readReceived,
      swept: this.#swept,
      oldestAt: this.#oldestAt,
    }
    batch.push(put(this.row, kept))
    this.#written = this.assigned.offset
  }

  /** Whether its row lags behind so far that it has to be written. */
  get isBehind(): boolean {
    return !this.exists || this.assigned.offset - this.#written >= MAX_ROW_LAG
  }

  state(): InboxState {
    const { epoch, durable, readOffset } = this
    const seen = readOffset < durable.first - 1 ? this.#receivedBeforeFirst() : this.#readReceived
    return { epoch, offset: durable.offset, readOffset, unread: durable.received - seen }
  }

  /** Gives the next offset to a message; those that are more than `keep` are gone from then on. */
  append(json: string, size: number, isReceived: boolean, sentAt: number, keep: number): Operation {
    const before = this.assigned
    const offset = before.offset + 1
    this.assigned = {
      offset,
      received: before.received + (isReceived ? 1 : 0),
      bytes: before.bytes + size,
      first: Math.max(before.first, offset - keep + 1),
    }
    if (before.first > before.offset) this.#oldestAt = sentAt
    const { received, bytes } = before
    const { first } = this.assigned
    // Put together by hand: the same content goes into two inboxes.
    const value = `{"offset":${offset},"received":${received},"bytes":${bytes},"size":${size},"first":${first},${json.slice(1)}`
    return { type: 'put', key: rows.message(this.of, offset), value }
  }

  /** What was appended up to this mark is synced. */
  settle(mark: Watermark): void {
    this.durable = { ...mark, first: Math.max(mark.first, this.durable.first) }
  }

  /** Moves the read mark; false when it was there already. */
  markRead(wanted: number): boolean {
    const { durable } = this
    const offset = Math.min(wanted, durable.offset)
    if (offset <= this.readOffset) return false
    this.#readReceived =
      offset === durable.offset
        ? durable.received
        : offset < durable.first
          ? this.#receivedBeforeFirst()
          : this.#receivedBefore(offset + 1)
    this.readOffset = offset
    return true
  }

  hasExpired(now: number, age: number): boolean {
    return this.durable.first <= this.durable.offset && this.#oldestAt + age <= now
  }

  /** Lets go of messages that are older than they may be. */
  expire(now: number, age: number): void {
    let { first } = this.durable
    for (let n = 0; n < MAX_EXPIRED_PER_STEP && first <= this.durable.offset; n++, first++) {
      this.#oldestAt =
        (read(this.#store, rows.message(this.of, first)) as MessageRow | undefined)?.sentAt ?? 0
      if (this.#oldestAt + age > now) break
    }
    this.#setFirst(first)
  }

  /** Lets go of all but the newest, as the next message will anyway. */
  trim(keep: number): void {
    this.#setFirst(Math.max(this.durable.first, this.durable.offset - keep + 1))
  }

  /**
   * Deletes messages that are gone, once there are enough of them or when it is `pressing`: the bytes that become free,
   * and the operations.
   */
  sweep(pressing: boolean): { freed: number; operations: Operation[] } | undefined {
    const { first, offset, bytes } = this.durable
    const from = this.#swept.offset
    if (first - from < (pressing ? 1 : MIN_DELETIONS)) return undefined
    const operations: Operation[] = []
    const before = first > offset ? bytes : (this.#messageRow(first)?.bytes ?? bytes)
    const freed = before - this.#swept.bytes
    for (let gone = from; gone < first; gone++) operations.push(del(rows.message(this.of, gone)))
    this.#swept = { offset: first, bytes: before }
    return { freed, operations }
  }

  #catchUp(): void {
    for (let next; (next = this.#messageRow(this.assigned.offset + 1));) {
      this.assigned = {
        offset: next.offset,
        received: next.received + (next.from === this.of.userId ? 0 : 1),
        bytes: next.bytes + next.size,
        first: Math.max(next.first, this.assigned.first),
      }
    }
  }

  #setFirst(first: number): void {
    this.durable = { ...this.durable, first }
    this.assigned = { ...this.assigned, first: Math.max(first, this.assigned.first) }
  }

  #messageRow(offset: number): MessageRow | undefined {
    return read(this.#store, rows.message(this.of, offset)) as MessageRow | undefined
  }

  #receivedBefore(offset: number): number {
    return offset > this.durable.offset
      ? this.durable.received
      : (this.#messageRow(offset)?.received ?? this.durable.received)
  }

  #receivedBeforeFirst(): number {
    const { first } = this.durable
    if (this.#receivedAtFirst.first !== first)
      this.#receivedAtFirst = { first, received: this.#receivedBefore(first) }
    return this.#receivedAtFirst.received
  }
}
