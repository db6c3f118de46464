import type { PushedOut } from '../../../decide/messages/inbox.js'

/** The most messages that one call of `update` counts. For each message `update` reads a row, which takes some microseconds. */
const STEP = 128

/** A message that counts. */
type Counted = Pick<PushedOut, 'from' | 'size'>

interface SenderCount {
  messages: number
  bytes: number
}

/** Counts an inbox's unread messages by sender. An `update` counts only the messages that became unread or read since the previous one. */
export class UnreadCounts {
  readonly #counts = new Map<string | null, SenderCount>()
  /** The counted messages by offset. They are kept because their rows may be deleted before the messages are subtracted. */
  readonly #counted = new Map<number, Counted>()
  #first = 1
  #last = 0

  get size(): number {
    return this.#counted.size
  }

  /** Counts the messages from `first` to `last`, at most `STEP` of them in one call. Returns whether all are counted. */
  update(first: number, last: number, summaryOf: (offset: number) => Counted | undefined): boolean {
    // The empty inbox of a guest whose messages have moved to the user has the same epoch, and its offsets begin anew.
    if (first > this.#last || last < this.#last) {
      this.clear()
      this.#first = first
      this.#last = first - 1
    }
    let left = STEP
    for (; this.#first < first && left > 0; left--) this.#subtract(this.#first++)
    for (; this.#last < last && left > 0; left--) this.#add(++this.#last, summaryOf(this.#last))
    return this.#first === first && this.#last === last
  }

  /** Forgets what is counted. The next `update` counts from the first message on. */
  clear(): void {
    this.#counts.clear()
    this.#counted.clear()
    this.#first = 1
    this.#last = 0
  }

  of(sender: string): Readonly<SenderCount> {
    return this.#counts.get(sender) ?? { messages: 0, bytes: 0 }
  }

  #add(offset: number, summary: Counted | undefined): void {
    if (!summary) return
    const count = this.#counts.get(summary.from) ?? { messages: 0, bytes: 0 }
    count.messages++
    count.bytes += summary.size
    this.#counts.set(summary.from, count)
    this.#counted.set(offset, summary)
  }

  #subtract(offset: number): void {
    const summary = this.#counted.get(offset)
    const count = summary && this.#counts.get(summary.from)
    if (!count) return
    count.messages--
    count.bytes -= summary.size
    if (count.messages === 0) this.#counts.delete(summary.from)
    this.#counted.delete(offset)
  }
}
