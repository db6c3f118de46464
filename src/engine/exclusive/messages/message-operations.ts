import type { MessageRow } from './inbox-row.js'
import { rows, type InboxRef } from '../store/rows.js'
import { del, LazyOperation, type Operation } from '../store/store.js'
import { MESSAGES_PER_TALLY } from './tally.js'

/** The numbers in the row of a message. */
type MessageSums = Pick<MessageRow, 'at' | 'received' | 'bytes' | 'size' | 'first'>

/** An operation on a message. It makes its key only when the key is read. A store in memory needs only `prefix` and `offset`. */
export abstract class MessageOperation extends LazyOperation {
  readonly prefix: string
  readonly offset: number

  /** `prefix` is the result of `rows.messagePrefix`. */
  constructor(prefix: string, offset: number) {
    super()
    this.prefix = prefix
    this.offset = offset
  }

  get key(): string {
    return rows.messageIn(this.prefix, this.offset)
  }
}

/**
 * The operation that stores a message. It makes the value only when the value is read. A store in memory keeps the operation itself. With a
 * key and a value for each message, a message takes 40% more CPU time of the memory engine, and 6% more of the embedded engine.
 */
export class MessagePut extends MessageOperation {
  readonly type = 'put'
  readonly #at: number
  readonly #received: number
  readonly #bytes: number
  readonly #size: number
  readonly #first: number
  /**
   * The end of the row: the message's JSON without its offset, and the `mark` if the row has one. If it has none, the recipient's message
   * and the sender's own copy share this text.
   */
  readonly #json: string

  constructor(
    prefix: string,
    offset: number,
    { at, received, bytes, size, first }: MessageSums,
    json: string,
  ) {
    super(prefix, offset)
    this.#at = at
    this.#received = received
    this.#bytes = bytes
    this.#size = size
    this.#first = first
    this.#json = json
  }

  /** The row of the message: a `StoredMessage` (see inbox-row.ts) as JSON. */
  get value(): string {
    return `[${this.#at},${this.#received},${this.#bytes},${this.#size},${this.#first},${this.#json}]`
  }
}

export class MessageDel extends MessageOperation {
  readonly type = 'del'
}

/**
 * Returns the operations that delete the messages at the offsets from `from` to `end - 1`, and the tallies whose last offsets are among
 * these.
 */
export const deletionsOf = (inbox: InboxRef, from: number, end: number): Operation[] => {
  const prefix = rows.messagePrefix(inbox)
  const operations: Operation[] = []
  for (let offset = from; offset < end; offset++) {
    operations.push(new MessageDel(prefix, offset))
    if (offset % MESSAGES_PER_TALLY === 0) operations.push(del(rows.tally(inbox, offset)))
  }
  return operations
}
