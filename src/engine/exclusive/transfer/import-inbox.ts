import type { UserRef } from '../../engine.js'
import type { RecordOf } from '../../transfer.js'
import { directionOf, directions } from '../../decide/messages/inbox.js'
import { offsetSetOf } from '../../decide/messages/offset-set.js'
import { storedReachedOf, type StoredInbox, type StoredMessage } from '../messages/inbox-row.js'
import { Tally, tallyEnd, type TallyRow } from '../messages/tally.js'
import { rows, type InboxRef } from '../store/rows.js'

/** An inbox that is being transferred. It computes the sums in the rows of messages and of the inbox. */
export class ImportedInbox {
  readonly of: UserRef
  /** How many bytes the messages so far have. */
  bytes = 0
  readonly #facts: RecordOf<'inbox'>
  readonly #put: (row: string, value: unknown) => void
  readonly #ref: InboxRef
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

  constructor(facts: RecordOf<'inbox'>, put: (row: string, value: unknown) => void) {
    const { appId, userId, deletions, marks } = facts
    this.of = { appId, userId }
    this.#facts = facts
    this.#put = put
    this.#ref = { appId, userId, deletions }
    this.#messagePrefix = rows.messagePrefix(this.#ref)
    this.#tally = new Tally(userId, 0)
    this.#marks = new Map(marks.map(([peer, offset]) => [peer, offset]))
    for (const [peer, ...mark] of marks) put(rows.peerMark(this.#ref, peer), mark)
  }

  /** Adds a message. `at` is the time at which it was stored, by the engine's clock. */
  add(record: RecordOf<'message'>, at: number): void {
    const { message, size, isRead } = record
    const { offset, ...rest } = message
    const { first, readOffset } = this.#facts
    const row: StoredMessage = [at, this.#received, this.bytes, size, first, rest]
    if (isRead) row.push(1)
    this.#endTallyBefore(offset)
    this.#put(rows.messageIn(this.#messagePrefix, offset), row)
    this.#putTally(this.#tally.add(offset, record, () => undefined))
    if (this.bytes === 0) this.#oldestAt = at
    this.bytes += size
    if (directionOf(this.of.userId, message.from, isRead) === directions.received) {
      this.#received++
      if (offset <= (this.#marks.get(message.from) ?? 0)) this.#reached.push(offset)
    }
    if (offset <= readOffset) this.#readReceived = this.#received
  }

  /** Writes the inbox's own row. */
  finish(): void {
    const { offset, first, readOffset } = this.#facts
    this.#endTallyBefore(offset + 1)
    const row: StoredInbox = [
      ...([0, 1, offset, this.#received, this.bytes, first] as const),
      ...([readOffset, this.#readReceived, first, 0, this.#oldestAt] as const),
    ]
    const reached = this.#marks.size > 0 ? offsetSetOf(this.#reached) : undefined
    if (reached) row.push(storedReachedOf({ readOffset, readUpTo: readOffset, reached }))
    this.#put(rows.inbox(this.of), row)
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
    if (tally) this.#put(rows.tally(this.#ref, this.#tallyEnd), tally)
  }
}
