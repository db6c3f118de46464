import type { Message } from '../../../protocol/index.js'
import type { InboxState, Retention, UserRef } from '../../engine.js'
import { hasExpired } from '../../decide/messages/expired.js'
import {
  afterInboxMark,
  afterPeerMark,
  directionOf,
  directions,
  firstKept,
  isUnread,
  joinedMarks,
  pushesOutOthers,
  unreadCount,
  type Marks,
  type PushedOut,
  type Received,
} from '../../decide/messages/inbox.js'
import { exceedsBytes } from '../../decide/messages/share.js'
import {
  EMPTY,
  messageRowOf,
  marksOf,
  NO_ROW,
  storedReachedOf,
  type StoredInbox,
  type MessageRow,
  type StoredMessage,
  type Watermark,
} from './inbox-row.js'
import { deletionsOf, MessagePut } from './message-operations.js'
import { bytesBySender, MESSAGES_PER_TALLY, Tally, type Tallied } from './tally.js'
import { rows, type InboxRef } from '../store/rows.js'
import { put, read, type Operation, type Store } from '../store/store.js'
import type { UnreadCounts } from './unread/unread-counts.js'

/** The inbox's row lacks at most this many stored messages. */
const MAX_ROW_LAG = 32
/** The most messages that one call of `sweep` deletes. */
const MAX_DELETIONS = 1024
/** The most messages that one call of `expire` reads. */
const MAX_EXPIRED_PER_STEP = 64

const NONE_PENDING: PendingMessage[] = []

/** A message whose row can't be read yet. `bytes` is how many bytes the messages before it have. */
interface PendingMessage extends Tallied {
  bytes: number
}

/** A message, and how many bytes those before it have. */
interface Summary extends PushedOut {
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
  marks: Marks
  /** How many bytes the user's messages take in the inboxes of others. */
  sent: number
  readonly #store: Store
  readonly #ref: InboxRef
  /** The first part of the keys of messages. It is made at the first use, because most inboxes have no message for a long time. */
  #messagePrefix: string | undefined
  /** How many messages were received up to `marks.readUpTo`. */
  #readReceived: number
  #swept: { offset: number; bytes: number }
  #oldestAt: number
  readonly #tally: Tally
  /** The sender of all received messages at offset `#soleSenderSince` and later. */
  #soleSender: string | null = null
  #soleSenderSince: number
  /** The messages after `durable`. */
  #pending: PendingMessage[] = NONE_PENDING
  /** The newest offset that the inbox's row covers. */
  #rowOffset: number
  /** Whether the newest row is exact (see `StoredInbox`). If it is, each batch with a message to the inbox also writes the row. */
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
    const [sent, isExact, offset, received, bytes, first, ...rest] = stored ?? NO_ROW
    const [readOffset, readReceived, sweptOffset, sweptBytes, oldestAt, reached] = rest
    this.sent = sent
    this.#tally = new Tally(of.userId, offset)
    this.assigned = stored ? { offset, received, bytes, first } : EMPTY
    this.#rowOffset = offset
    this.#isRowExact = isExact === 1
    if (stored && !isExact) this.#catchUp()
    this.durable = this.assigned
    this.#soleSenderSince = this.assigned.offset + 1
    this.marks = marksOf(readOffset, reached)
    this.#readReceived = readReceived
    this.#swept = { offset: sweptOffset, bytes: sweptBytes }
    this.#oldestAt = oldestAt
  }

  /** Adds the inbox's row to a batch. The row covers the messages of that batch. */
  write(batch: Operation[]): void {
    // An exact row has to be written with each message, but not at the eviction. Such a row is cheaper only if the inbox gets no second
    // message before its eviction.
    this.#isRowExact = this.#appended <= 1
    const { offset, received, bytes, first } = this.assigned
    // A spread here took more time than the rest of this method.
    const row: StoredInbox = [
      this.sent,
      this.#isRowExact ? 1 : 0,
      offset,
      received,
      bytes,
      first,
      this.marks.readOffset,
      this.#readReceived,
      this.#swept.offset,
      this.#swept.bytes,
      this.#oldestAt,
    ]
    const reached = storedReachedOf(this.marks)
    if (reached) row.push(reached)
    batch.push(put(this.row, row))
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

  /** Whether a message is unread. Messages that are not synced yet count, too. */
  get hasUnread(): boolean {
    return this.#unreadOf(this.assigned) > 0
  }

  /** Whether a peer ever got a mark. */
  get hasPeerMarks(): boolean {
    return this.marks.reached !== undefined
  }

  isUnread({ message: { from, offset }, isRead }: Pick<MessageRow, 'message' | 'isRead'>): boolean {
    return isUnread(this.marks, offset, directionOf(this.of.userId, from, isRead))
  }

  state(): InboxState {
    const { epoch, durable, marks } = this
    return { epoch, offset: durable.offset, readOffset: marks.readOffset, unread: this.#unreadOf(durable) }
  }

  /** Adds some of the unread messages to `counts`. Returns whether all of them are in `counts`. */
  count(counts: UnreadCounts): boolean {
    return counts.update(this.#firstUnread, this.assigned.offset, (offset) => {
      const message = this.#summaryOf(offset)
      return message && isUnread(this.marks, offset, message.direction) ? message : undefined
    })
  }

  /** Returns whether a further message of `size` bytes would push out an unread message that is not of `from`. */
  pushesOutOthers(from: string, size: number, retention: Retention): boolean {
    const firstUnread = this.#firstUnread
    // Without this shortcut each message to a full inbox would read a row, and take a fifth more CPU time.
    if (this.#soleSender === from && this.#soleSenderSince <= firstUnread) return false
    // If the retention was lowered, some messages are beyond it already. The new message does not push these out, so they are not
    // read. Reading them all would block the event loop.
    const { first, offset, bytes } = this.assigned
    const firstWithin = this.#firstKept(first, offset, bytes, retention)
    return pushesOutOthers(
      this.marks,
      from,
      this.#pushedOut(size, retention, Math.max(firstWithin, firstUnread)),
    )
  }

  /** As the decision `exceedsBytes`, for a further message to this inbox. */
  exceedsBytes(
    held: number,
    size: number,
    limit: number | undefined,
    from: string,
    retention: Retention,
  ): boolean {
    return exceedsBytes(held, size, limit, from, this.#pushedOut(size, retention, this.assigned.first))
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
    const isReceived = directionOf(this.of.userId, message.from, isRead) === directions.received
    this.#appended++
    this.assigned = {
      offset,
      received: before.received + (isReceived ? 1 : 0),
      bytes: before.bytes + size,
      first: this.#firstKept(before.first, offset, before.bytes + size, retention),
    }
    if (before.first > before.offset) this.#oldestAt = at
    if (isReceived && message.from !== this.#soleSender) {
      this.#soleSender = message.from
      this.#soleSenderSince = offset
    }
    const { received, bytes } = before
    const pending = { message, isRead, bytes, size }
    if (this.#pending.length === 0) this.#pending = [pending]
    else this.#pending.push(pending)
    const { first } = this.assigned
    const mark = isRead ? 1 : traceparent
    const rest = mark === undefined ? json : `${json},${JSON.stringify(mark)}`
    operations.push(new MessagePut(this.#prefix, offset, { at, received, bytes, size, first }, rest))
    const tally = this.#tally.add(offset, pending, (each) => this.#messageRow(each))
    if (tally) operations.push(put(rows.tally(this.#ref, offset), tally))
  }

  /** Called when the messages up to `mark` are synced. From then on readers see them. */
  publish(mark: Watermark): void {
    const published = mark.offset - this.durable.offset
    if (published >= this.#pending.length) this.#pending = NONE_PENDING
    else this.#pending.splice(0, published)
    this.durable = mark.first < this.durable.first ? { ...mark, first: this.durable.first } : mark
  }

  /** Sets the mark of the inbox. Returns false if it is there or beyond already. */
  markRead(target: number): boolean {
    const marks = afterInboxMark(this.marks, Math.min(target, this.durable.offset))
    if (marks === this.marks) return false
    this.#setMarks(marks)
    return true
  }

  /** Sets the mark of a peer. `received` are the received messages after `marks.readUpTo`. */
  markPeerRead(peer: string | null, target: number, received: readonly Received[]): void {
    this.#setMarks(afterPeerMark(this.marks, received, peer, target, this.durable.offset))
  }

  /** Takes over the marks of another object of the same inbox. Returns whether they have perhaps moved. */
  takeOverMarks(other: Inbox): boolean {
    const marks = joinedMarks(this.marks, other.marks)
    if (marks.readOffset === this.marks.readOffset && !other.hasPeerMarks) return false
    this.#setMarks(marks)
    return true
  }

  /** Returns whether the oldest message may have expired. */
  hasExpired(now: number, retention: Retention): boolean {
    return this.durable.first <= this.durable.offset && hasExpired(this.#oldestAt, retention, now)
  }

  /** Stops retaining messages that have expired, at most `MAX_EXPIRED_PER_STEP` in one call. */
  expire(now: number, retention: Retention): void {
    let { first } = this.durable
    for (let n = 0; n < MAX_EXPIRED_PER_STEP && first <= this.durable.offset; n++, first++) {
      this.#oldestAt = this.#messageRow(first)?.at ?? 0
      if (!hasExpired(this.#oldestAt, retention, now)) break
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
    this.#setFirst(this.#firstKept(first, offset, bytes, retention))
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
    const senders = bytesBySender(this.#store, this.#ref, from, end)
    this.#swept = { offset: end, bytes: before }
    return { freed, senders, operations: deletionsOf(this.#ref, from, end) }
  }

  /** Reads the stored messages that the inbox's row lacks. */
  #catchUp(): void {
    for (let next; (next = this.#messageRow(this.assigned.offset + 1));) {
      const { from, to, offset, adopted } = next.message
      // Adopted messages are not counted, because in the inboxes of their recipients they still have the guest's id.
      if (from === this.of.userId && to !== from && !adopted) this.sent += next.size
      this.#tally.add(offset, next, (each) => this.#messageRow(each))
      this.assigned = {
        offset,
        received:
          next.received + Number(directionOf(this.of.userId, from, next.isRead) === directions.received),
        bytes: next.bytes + next.size,
        first: Math.max(next.first, this.assigned.first),
      }
    }
  }

  #firstKept(first: number, newest: number, bytes: number, retention: Retention): number {
    return firstKept(first, newest, bytes, this.#swept.bytes, retention, (offset) =>
      this.#bytesBefore(offset),
    )
  }

  /** Yields the messages from `first` on that a further message of `size` bytes would push out. */
  *#pushedOut(size: number, retention: Retention, first: number): Iterable<PushedOut> {
    const { offset, bytes } = this.assigned
    const end = this.#firstKept(first, offset + 1, bytes + size, retention)
    for (let each = first; each < end; each++) {
      const message = this.#summaryOf(each)
      if (message) yield message
    }
  }

  /** The oldest kept offset that may be unread. */
  get #firstUnread(): number {
    return Math.max(this.assigned.first, this.marks.readUpTo + 1)
  }

  /** Sets marks. This reads the store before it changes anything, so that no mark moves if the read fails. */
  #setMarks(marks: Marks): void {
    this.#readReceived = this.#receivedUpTo(marks.readUpTo)
    this.marks = marks
  }

  #unreadOf({ received }: Watermark): number {
    return unreadCount(this.marks, this.durable.first, received, (offset) => this.#receivedUpTo(offset))
  }

  #summaryOf(offset: number): Summary | undefined {
    const row = this.#pending[offset - this.durable.offset - 1] ?? this.#messageRow(offset)
    if (!row) return undefined
    const { from } = row.message
    const direction = directionOf(this.of.userId, from, row.isRead)
    return { offset, direction, from, bytes: row.bytes, size: row.size }
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

  /** Returns how many messages were received up to an offset. If those up to there are deleted, those up to a later offset may count. */
  #receivedUpTo(offset: number): number {
    if (offset === this.marks.readUpTo) return this.#readReceived
    for (let next = Math.max(offset + 1, this.#swept.offset); next <= this.durable.offset; next++) {
      const row = this.#messageRow(next)
      if (row) return row.received
    }
    return this.durable.received
  }
}
