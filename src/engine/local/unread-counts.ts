import type { MessageSummary } from './inbox-row.js'

interface SenderCount {
  messages: number
  bytes: number
}

/**
 * Counts an inbox's unread messages by sender. Each `update` counts only the messages that became unread or read since the
 * last one.
 */
export class UnreadCounts {
  readonly #counts = new Map<string | null, SenderCount>()
  /** The counted messages by offset: their rows may be deleted before they are subtracted. */
  readonly #counted = new Map<number, MessageSummary>()
  #first = 1
  #last = 0

  /** Counts the messages from `first` to `last`. */
  update(first: number, last: number, summaryOf: (offset: number) => MessageSummary | undefined): void {
    for (; this.#first < first && this.#first <= this.#last; this.#first++) this.#subtract(this.#first)
    this.#first = first
    this.#last = Math.max(this.#last, first - 1)
    while (this.#last < last) this.#add(++this.#last, summaryOf(this.#last))
  }

  of(sender: string): Readonly<SenderCount> {
    return this.#counts.get(sender) ?? { messages: 0, bytes: 0 }
  }

  #add(offset: number, summary: MessageSummary | undefined): void {
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
