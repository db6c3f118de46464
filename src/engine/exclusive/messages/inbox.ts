import type { Message } from '../../../protocol/index.js'
import type { InboxState, Retention, UserRef } from '../../engine.js'
import { engineRules } from '../../rules.js'
import {
  countedSender,
  EMPTY,
  messageRowOf,
  NO_ROW,
  inboxRowOf,
  storedInboxOf,
  type StoredInbox,
  type MessageRow,
  type MessageSummary,
  type StoredMessage,
  type Watermark,
} from './inbox-row.js'
import { lowerBound } from '../../../util/lower-bound.js'
import { deletionsOf, MessagePut, ReadMessagePut } from './message-operations.js'
import { bytesBySender, MESSAGES_PER_TALLY, Tally, type Tallied, type TallyRow } from './tally.js'
import { ReadOffsets, type StoredReadOffsets } from './unread/read-offsets.js'
import { rows, type InboxRef } from '../store/rows.js'
import { del, put, read, type Operation, type Store } from '../store/store.js'
import type { UnreadCounts } from './unread/unread-counts.js'

/** The inbox's row lacks at most this many stored messages. */
const MAX_ROW_LAG = 32
/** The most messages that one call of `sweep` deletes. */
const MAX_DELETIONS = 1024
/** The most messages that one call of `expire` reads. */
const MAX_EXPIRED_PER_STEP = 64

const NONE_RECEIVED = { first: 1, received: 0 }
const NONE_PENDING: PendingMessage[] = []

/** A message whose row can't be read yet. `bytes` is how many bytes the messages before it have. */
interface PendingMessage extends Tallied {
  bytes: number
}

/**
 * One user's inbox. `assigned` is its end with the messages that are being written, `durable` its end without them. Readers see a message
 * once it is synced.
 */
export class Inbox {
  readonly of: UserRef
  /** How many earlier inboxes of the user were deleted. */
  readonly deletions: number
  readonly row: string
  readonly epoch: string
  /** Whether the inbox ever had a message, or a first message is being written. */
  exists: boolean
  assigned: Watermark
  durable: Watermark
  readOffset: number
  /** The number of the batch that writes the last change. */
  batch = 0
  /** How many bytes the user's messages take in the inboxes of others. */
  sent: number
  readonly #store: Store
  readonly #ref: InboxRef
  /** The first part of the keys of messages. It is made at the first use, because most inboxes have no message for a long time. */
  #messagePrefix: string | undefined
  /** The offset up to which all messages are read; undefined if no peer ever got a mark, and then `readOffset` is this offset. */
  #readUpTo: number | undefined
  /** How many messages from others there are up to `readUpTo`. */
  #readReceived: number
  /** The messages beyond `readUpTo` that marks of peers have reached. */
  #reads: ReadOffsets | undefined
  #areReadsChanged = false
  #swept: { offset: number; bytes: number }
  #oldestAt: number
  readonly #tally: Tally
  /** A cached count: `received` messages from others come before offset `first`. */
  #receivedAtFirst = NONE_RECEIVED
  /**
   * The sender of all messages at offset `#soleSenderSince` and later, except messages of the inbox's owner and those that count as read.
   */
  #soleSender: string | null = null
  #soleSenderSince: number
  /** The messages after `durable`. */
  #pending: PendingMessage[] = NONE_PENDING
  /** The newest offset that the inbox's row covers. */
  #rowOffset: number
  /** Whether the newest row is exact (see `InboxRow.isExact`). If it is, each batch with a message to the inbox also writes the row. */
  #isRowExact: boolean
  /** How many messages were appended since the inbox was opened. */
  #appended = 0

  /** With `isNew` the constructor ignores a row in the store, which belongs to an earlier inbox that is being deleted. */
  constructor(of: UserRef, deletions: number, epoch: string, store: Store, isNew: boolean) {
    this.of = of
    this.deletions = deletions
    this.#ref = deletions > 0 ? { ...of, deletions } : of
    this.row = rows.inbox(of)
    this.epoch = epoch
    this.#store = store
    const stored = isNew ? undefined : (read(store, this.row) as StoredInbox | undefined)
    this.exists = stored !== undefined
    const {
      offset,
      received,
      bytes,
      first,
      readOffset,
      readUpTo,
      readReceived,
      swept,
      oldestAt,
      isExact,
      sent,
      tally,
    } = stored ? inboxRowOf(stored) : NO_ROW
    this.sent = sent
    this.#tally = new Tally(of.userId, offset, tally)
    this.assigned = stored ? { offset, received, bytes, first } : EMPTY
    this.#rowOffset = offset
    this.#isRowExact = isExact
    if (stored && !isExact) this.#catchUp()
    this.durable = this.assigned
    this.#soleSenderSince = this.assigned.offset + 1
    this.readOffset = readOffset
    this.#readReceived = readReceived
    this.#readUpTo = readUpTo
    if (readUpTo !== undefined) {
      const reads = read(store, rows.readOffsets(of)) as StoredReadOffsets | undefined
      this.#reads = reads && new ReadOffsets(reads)
    }
    this.#swept = swept
    this.#oldestAt = oldestAt
  }

  /** Adds the inbox's row to a batch. The row covers the messages of that batch. */
  write(batch: Operation[]): void {
    // An exact row has to be written with each message, but not at the eviction. Such a row is cheaper only if the inbox gets no second
    // message before its eviction.
    this.#isRowExact = this.#appended <= 1
    const { offset, received, bytes, first } = this.assigned
    // A spread of the watermark here took more time than the rest of this method.
    const row = storedInboxOf({
      offset,
      received,
      bytes,
      first,
      readOffset: this.readOffset,
      readUpTo: this.#readUpTo,
      readReceived: this.#readReceived,
      swept: this.#swept,
      oldestAt: this.#oldestAt,
      sent: this.sent,
      tally: this.#tally.stored,
      isExact: this.#isRowExact,
    })
    batch.push(put(this.row, row))
    if (this.#areReadsChanged) {
      this.#areReadsChanged = false
      const [key, reads] = [rows.readOffsets(this.of), this.#reads?.stored]
      batch.push(reads ? put(key, reads) : del(key))
    }
    this.#rowOffset = offset
  }

  /** Prepares the inbox for its eviction. Returns whether its row has to be written. The next opening then reads only that row. */
  prepareClose(): boolean {
    this.#appended = 0
    return this.exists && !this.#isRowExact
  }

  /** Whether a message is retained or is being stored. */
  get hasMessages(): boolean {
    return this.assigned.first <= this.assigned.offset
  }

  /**
   * Where the stored messages are: `ref` is in their keys, and their offsets begin at `from` and end before `to`. `bytes` is about how many
   * bytes they take.
   */
  get stored(): { ref: InboxRef; from: number; to: number; bytes: number } {
    const { offset, bytes } = this.assigned
    return { ref: this.#ref, from: this.#swept.offset, to: offset + 1, bytes: bytes - this.#swept.bytes }
  }

  /** How many messages are retained, and how many bytes they take. */
  get retained(): { messages: number; bytes: number } {
    const { offset, first, bytes } = this.assigned
    return { messages: offset - first + 1, bytes: bytes - this.#bytesBefore(first) }
  }

  /** Whether the inbox's row has to be written with the message that was appended last. */
  get isBehind(): boolean {
    return !this.exists || this.#isRowExact || this.assigned.offset - this.#rowOffset >= MAX_ROW_LAG
  }

  /** Whether a message from someone else is unread. Messages that are not synced yet count, too. */
  get hasUnread(): boolean {
    return this.assigned.received > this.#receivedAndRead()
  }

  /** Whether a peer ever got a mark. */
  get hasMarks(): boolean {
    return this.#readUpTo !== undefined
  }

  /** The offset up to which all messages are read. */
  get readUpTo(): number {
    return this.#readUpTo ?? this.readOffset
  }

  /** Returns whether a mark of the inbox or of a peer has reached the message. True also if no message up to it is unread. */
  isRead(offset: number): boolean {
    return offset <= this.readUpTo || this.#reads?.has(offset) === true
  }

  state(): InboxState {
    const { epoch, durable, readOffset } = this
    return { epoch, offset: durable.offset, readOffset, unread: durable.received - this.#receivedAndRead() }
  }

  /** Adds some of the unread messages to `counts`. Returns whether all of them are in `counts`. */
  count(counts: UnreadCounts): boolean {
    const { first, offset } = this.assigned
    return counts.update(Math.max(first, this.readUpTo + 1), offset, (each) => this.#unreadSummaryOf(each))
  }

  /**
   * Returns whether the unread messages of `from` take more than `share` of the retention, and a further message of `size` bytes would push
   * out an unread message of someone else. Returns undefined if `count` has to be called first.
   */
  isCrowdedBy(
    from: string,
    size: number,
    retention: Retention,
    share: number,
    counts: () => UnreadCounts,
  ): boolean | undefined {
    const { first } = this.assigned
    const firstUnread = Math.max(first, this.readUpTo + 1)
    // Without this shortcut each message to a full inbox would read a row.
    if (this.#soleSender === from && this.#soleSenderSince <= firstUnread) return false
    // If the retention was lowered, some messages are beyond it already. The new message does not push these out, so they are not
    // read. Reading them all would block the event loop.
    const { offset, bytes } = this.assigned
    const firstWithin = this.#firstWithin(first, offset, bytes, retention)
    const firstAfter = this.#firstAfter(size, retention, firstWithin)
    const isFromAnother = (summary: MessageSummary | undefined): boolean =>
      summary !== undefined && summary.from !== from && summary.from !== this.of.userId
    let pushedOut = Math.max(firstUnread, firstWithin)
    while (pushedOut < firstAfter && !isFromAnother(this.#unreadSummaryOf(pushedOut))) pushedOut++
    if (pushedOut >= firstAfter) return false
    const unread = counts()
    if (!this.count(unread)) return undefined
    const taken = unread.of(from)
    return engineRules.sharedLimits.some((limit) => taken[limit] > share * retention[limit])
  }

  /** Returns the bytes of the messages of `from` that a further message of `size` bytes would push out. */
  bytesPushedOut(from: string, size: number, retention: Retention): number {
    const end = this.#firstAfter(size, retention)
    let bytes = 0
    for (let offset = this.assigned.first; offset < end; offset++) {
      const summary = this.#summaryOf(offset)
      if (summary?.from === from) bytes += summary.size
    }
    return bytes
  }

  /**
   * Adds the operations that store the next message. Stops retaining the messages that this message pushes out. `json` is the message
   * without its offset. With `isRead` the message counts as read.
   */
  append(
    operations: Operation[],
    json: string,
    size: number,
    message: Pick<Message, 'from' | 'to'>,
    at: number,
    retention: Retention,
    isRead = false,
    traceparent?: string,
  ): void {
    const before = this.assigned
    const offset = before.offset + 1
    // This is the value that `countedSender` would return for the row.
    const counted = isRead ? this.of.userId : message.from
    this.#appended++
    this.assigned = {
      offset,
      received: before.received + (counted === this.of.userId ? 0 : 1),
      bytes: before.bytes + size,
      first: this.#firstAfter(size, retention),
    }
    if (before.first > before.offset) this.#oldestAt = at
    if (counted !== this.#soleSender && counted !== this.of.userId) {
      this.#soleSender = counted
      this.#soleSenderSince = offset
    }
    const { received, bytes } = before
    const pending = { message, isRead, bytes, size }
    if (this.#pending.length === 0) this.#pending = [pending]
    else this.#pending.push(pending)
    const { first } = this.assigned
    const rest = traceparent === undefined ? json : `${json},${JSON.stringify(traceparent)}`
    const Put = isRead ? ReadMessagePut : MessagePut
    operations.push(new Put(this.#prefix, offset, { at, received, bytes, size, first }, rest))
    const tally = this.#addToTally(offset, pending)
    if (tally) operations.push(put(rows.tally(this.#ref, offset), tally))
  }

  /** Called when the messages up to `mark` are synced. From then on readers see them. */
  publish(mark: Watermark): void {
    const published = mark.offset - this.durable.offset
    if (published >= this.#pending.length) this.#pending = NONE_PENDING
    else this.#pending.splice(0, published)
    this.durable = mark.first < this.durable.first ? { ...mark, first: this.durable.first } : mark
  }

  /** Moves the read mark forward to `target`. Returns false if the mark is already there or beyond. */
  markRead(target: number): boolean {
    const { durable } = this
    const offset = Math.min(target, durable.offset)
    if (offset <= this.readOffset) return false
    // This comes first, because it may read the store, and the mark must not move if that read fails.
    if (offset > this.readUpTo) this.#readTo(offset)
    this.readOffset = offset
    return true
  }

  /**
   * Notes that the messages at the sorted `offsets` are read. `counts` returns false for an offset whose message was never unread, such as
   * one from the owner.
   */
  markReadAt(offsets: readonly number[], counts: (offset: number) => boolean): void {
    const { first, offset: newest } = this.durable
    const reads = (this.#reads ??= new ReadOffsets())
    reads.countAfter(Math.max(this.readUpTo, first - 1))
    for (const offset of offsets) if (offset > this.readUpTo) reads.add(offset)
    let next = Math.max(this.readUpTo + 1, first)
    while (next <= newest && (!counts(next) || reads.has(next))) next++
    this.#readTo(next - 1)
    this.#areReadsChanged = true
  }

  /** Takes over the `#reads` and the `#readUpTo` of another object of the same inbox. */
  takeOverReads(other: Inbox): void {
    if (other.#readUpTo === undefined) return
    this.markReadAt(other.#reads ? [...other.#reads.offsets()] : [], () => true)
    if (other.#readUpTo > this.readUpTo) this.#readTo(Math.min(other.#readUpTo, this.durable.offset))
  }

  /** Returns whether the oldest message may be older than `age`. */
  hasExpired(now: number, age: number): boolean {
    return this.durable.first <= this.durable.offset && this.#oldestAt + age <= now
  }

  /** Stops retaining messages that are older than `age`, at most `MAX_EXPIRED_PER_STEP` in one call. */
  expire(now: number, age: number): void {
    let { first } = this.durable
    for (let n = 0; n < MAX_EXPIRED_PER_STEP && first <= this.durable.offset; n++, first++) {
      this.#oldestAt = this.#messageRow(first)?.at ?? 0
      if (this.#oldestAt + age > now) break
    }
    this.#setFirst(first)
  }

  /** Stops retaining the messages up to `offset`. */
  drop(offset: number): void {
    this.#setFirst(Math.max(offset + 1, this.durable.first))
  }

  /** Stops retaining the messages beyond `retention` now, and not at the next message. */
  trim(retention: Retention): void {
    const { first, offset, bytes } = this.durable
    this.#setFirst(this.#firstWithin(first, offset, bytes, retention))
  }

  /**
   * Returns operations that delete up to `MAX_DELETIONS` messages which are not retained. From then on these messages count as deleted.
   * `freed` is how many bytes this frees, and `senders` has these bytes by sender. Returns undefined if there is nothing to delete. Without
   * `all` only the messages of whole tallies are deleted, because finding their senders takes only one read for each tally.
   */
  sweep(all: boolean): { freed: number; senders: Map<string, number>; operations: Operation[] } | undefined {
    const { first } = this.durable
    const from = this.#swept.offset
    const end = Math.min(all ? first : first - ((first - 1) % MESSAGES_PER_TALLY), from + MAX_DELETIONS)
    if (end <= from) return undefined
    const before = this.#bytesBefore(end)
    const freed = before - this.#swept.bytes
    const senders = bytesBySender(
      this.of.userId,
      from,
      end,
      (each) => this.#messageRow(each),
      (last) => read(this.#store, rows.tally(this.#ref, last)) as TallyRow | undefined,
    )
    this.#swept = { offset: end, bytes: before }
    return { freed, senders, operations: deletionsOf(this.#ref, from, end) }
  }

  /** Reads the stored messages that the inbox's row lacks. */
  #catchUp(): void {
    for (let next; (next = this.#messageRow(this.assigned.offset + 1));) {
      const { from, to, offset, adopted } = next.message
      // Adopted messages are not counted, because in the inboxes of their recipients they still have the guest's id.
      if (from === this.of.userId && to !== from && !adopted) this.sent += next.size
      this.#addToTally(offset, next)
      this.assigned = {
        offset,
        received: next.received + (countedSender(next, this.of.userId) === this.of.userId ? 0 : 1),
        bytes: next.bytes + next.size,
        first: Math.max(next.first, this.assigned.first),
      }
    }
  }

  /** Calls `Tally.add`. If the tally lacks its first messages, and needs them now, calls `Tally.complete` before. */
  #addToTally(offset: number, added: Tallied): TallyRow | undefined {
    if (this.#tally.isIncompleteAt(offset)) this.#tally.complete(offset, (each) => this.#messageRow(each))
    return this.#tally.add(offset, added)
  }

  /** Returns the oldest offset, from `first` on, that is retained once a message of `size` bytes is appended. */
  #firstAfter(size: number, retention: Retention, first = this.assigned.first): number {
    const { offset, bytes } = this.assigned
    return this.#firstWithin(first, offset + 1, bytes + size, retention)
  }

  /**
   * Returns the oldest offset, from `first` on, that is retained if `offset` is the newest and the messages up to it have `bytes` bytes.
   */
  #firstWithin(first: number, offset: number, bytes: number, retention: Retention): number {
    const from = Math.max(first, offset - retention.messages + 1)
    // This sum is too high if messages that are not retained are not deleted yet, but it needs no read.
    const isWithin = bytes - this.#swept.bytes <= retention.bytes
    return isWithin ? from : this.#searchFirst(from, offset, bytes - retention.bytes)
  }

  /**
   * Returns the first offset, from `from` on, before which there are `bytes` bytes or more. This is a binary search, because after the
   * retention was lowered, reading each message beyond it would block the event loop.
   */
  #searchFirst(from: number, offset: number, bytes: number): number {
    return lowerBound(from, offset, (next) => this.#bytesBefore(next) < bytes)
  }

  /** Notes that all messages up to `offset` are read. */
  #readTo(offset: number): void {
    const { durable } = this
    this.#readReceived =
      offset === durable.offset
        ? durable.received
        : offset < durable.first
          ? this.#receivedBeforeFirst()
          : this.#receivedBefore(offset + 1)
    if (this.#reads || this.#readUpTo !== undefined) this.#readUpTo = offset
  }

  /** Returns how many messages from others are read, or no longer retained. */
  #receivedAndRead(): number {
    const [{ first }, { readUpTo }] = [this.durable, this]
    const received = readUpTo < first - 1 ? this.#receivedBeforeFirst() : this.#readReceived
    return received + (this.#reads?.countAfter(Math.max(readUpTo, first - 1)) ?? 0)
  }

  /** As `#summaryOf`, but a message that a peer's mark has reached gets the owner as its sender. */
  #unreadSummaryOf(offset: number): MessageSummary | undefined {
    const summary = this.#summaryOf(offset)
    return summary && this.#reads?.has(offset) ? { ...summary, from: this.of.userId } : summary
  }

  #summaryOf(offset: number): MessageSummary | undefined {
    const row = this.#pending[offset - this.durable.offset - 1] ?? this.#messageRow(offset)
    return row && { from: countedSender(row, this.of.userId), bytes: row.bytes, size: row.size }
  }

  #setFirst(first: number): void {
    this.durable = { ...this.durable, first }
    this.assigned = { ...this.assigned, first: Math.max(first, this.assigned.first) }
  }

  get #prefix(): string {
    return (this.#messagePrefix ??= rows.messagePrefix(this.#ref))
  }

  messageAt(offset: number): Message | undefined {
    return this.#messageRow(offset)?.message
  }

  #messageRow(offset: number): MessageRow | undefined {
    const stored = read(this.#store, rows.messageIn(this.#prefix, offset)) as StoredMessage | undefined
    return stored && messageRowOf(offset, stored)
  }

  /** Returns how many bytes all messages before an offset have taken. */
  #bytesBefore(offset: number): number {
    // An inbox that was transferred from Redis may have offsets without a message, so the loop looks for the next message.
    for (let next = offset; next <= this.assigned.offset; next++) {
      const summary = this.#summaryOf(next)
      if (summary) return summary.bytes
    }
    return this.assigned.bytes
  }

  #receivedBefore(offset: number): number {
    for (let next = offset; next <= this.durable.offset; next++) {
      const row = this.#messageRow(next)
      if (row) return row.received
    }
    return this.durable.received
  }

  #receivedBeforeFirst(): number {
    const { first } = this.durable
    if (this.#receivedAtFirst.first !== first)
      this.#receivedAtFirst = { first, received: this.#receivedBefore(first) }
    return this.#receivedAtFirst.received
  }
}
