import type { UserRef } from '../../engine.js'
import type { TransferRecord } from '../../transfer.js'
import { storedReachedOf, type StoredInbox, type StoredMessage } from '../messages/inbox-row.js'
import { Tally, tallyEnd, type TallyRow } from '../messages/tally.js'
import { directionOf, directions } from '../../decide/messages/inbox.js'
import { offsetSetOf } from '../../decide/messages/offset-set.js'
import { rows, type InboxRef } from '../store/rows.js'
import type { RowWriter } from './row-writer.js'

type InboxRecord = Extract<TransferRecord, { kind: 'inbox' }>
type MessageRecord = Extract<TransferRecord, { kind: 'message' }>

/** An inbox that is being transferred. It computes the sums in the rows of messages and of the inbox. */
export class ImportedInbox {
  readonly of: UserRef
  /** How many bytes the messages so far have. */
  bytes = 0
  readonly #ref: InboxRef
  readonly #record: InboxRecord
  readonly #writer: RowWriter
  readonly #messagePrefix: string
  #received = 0
  #readReceived = 0
  #oldestAt = 0
  readonly #tally: Tally
  /** The end of the tally to which the latest message belongs. */
  #tallyEnd = 0
  readonly #marks: Map<string | null, number>
  /** The offsets of messages that marks of peers have reached. */
  readonly #reached: number[] = []

  constructor(record: InboxRecord, writer: RowWriter) {
    const { appId, userId, deletions } = record
    this.of = { appId, userId }
    this.#ref = { appId, userId, deletions }
    this.#record = record
    this.#writer = writer
    this.#marks = new Map(record.marks.map(([peer, offset]) => [peer, offset]))
    for (const [peer, offset, newest] of record.marks)
      writer.put(rows.peerMark(this.#ref, peer), [offset, newest])
    this.#messagePrefix = rows.messagePrefix(this.#ref)
    this.#tally = new Tally(userId, 0)
  }

  /** Adds a message. `at` is the time at which it was stored, by the engine's clock. */
  add(record: MessageRecord, at: number): void {
    const { message, size, isRead } = record
    const { offset, ...rest } = message
    const { first } = this.#record
    const row: StoredMessage = [at, this.#received, this.bytes, size, first, rest]
    if (isRead) row.push(1)
    this.#endTallyBefore(offset)
    this.#putTally(this.#tally.add(offset, record, () => undefined))
    this.#writer.put(rows.messageIn(this.#messagePrefix, offset), row)
    if (this.bytes === 0) this.#oldestAt = at
    this.bytes += size
    if (directionOf(this.of.userId, message.from, isRead) === directions.received) {
      this.#received++
      if (offset <= (this.#marks.get(message.from) ?? 0)) this.#reached.push(offset)
    }
    if (offset <= this.#record.readOffset) this.#readReceived = this.#received
  }

  /** Writes the inbox's own row. */
  finish(): void {
    const { offset, first, readOffset } = this.#record
    this.#endTallyBefore(offset + 1)
    const row: StoredInbox = [
      ...([0, 1, offset, this.#received, this.bytes, first] as const),
      ...([readOffset, this.#readReceived, first, 0, this.#oldestAt] as const),
    ]
    const reached = this.#marks.size > 0 ? offsetSetOf(this.#reached) : undefined
    if (reached) row.push(storedReachedOf({ readOffset, readUpTo: readOffset, reached }))
    this.#writer.put(rows.inbox(this.of), row)
  }

  /**
   * If the latest message belongs to an earlier tally than `offset` does, writes that earlier tally. `Tally.add` returns a tally only for
   * the message at the tally's last offset, and an inbox from Redis may lack that message.
   */
  #endTallyBefore(offset: number): void {
    if (tallyEnd(offset) !== this.#tallyEnd) this.#putTally(this.#tally.take())
    this.#tallyEnd = tallyEnd(offset)
  }

  #putTally(tally: TallyRow | undefined): void {
    if (tally) this.#writer.put(rows.tally(this.#ref, this.#tallyEnd), tally)
  }
}
