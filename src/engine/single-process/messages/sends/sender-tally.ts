import type { MessageRow, SenderBytes } from '../inbox-row.js'

/** How many messages of an inbox share one tally. The last of them is at an offset that this number divides. */
export const MESSAGES_PER_TALLY = 64

const addTo = (bytes: Map<string, number>, sender: string, more: number): void => {
  bytes.set(sender, (bytes.get(sender) ?? 0) + more)
}

/**
 * Sums the bytes of an inbox's messages from others by sender. The row of the last message of a tally has the sums. So deleting the
 * messages of a tally reads one row instead of one for each message.
 */
export class SenderTally {
  #bytes: Map<string, number> | undefined
  /** The latest sender, and that sender's bytes that are not in `#bytes` yet. Most messages have the same sender as the one before. */
  #sender = ''
  #more = 0

  constructor(stored?: SenderBytes) {
    if (stored) this.#bytes = new Map(stored)
  }

  /** The sums of the unfinished tally; undefined if it has none. */
  get stored(): SenderBytes | undefined {
    this.#addUp()
    return this.#bytes && [...this.#bytes]
  }

  add(sender: string, size: number): void {
    if (sender !== this.#sender) {
      this.#addUp()
      this.#sender = sender
    }
    this.#more += size
  }

  /** If the message at `offset` is the last of its tally, returns the sums and begins the next tally. */
  takeAt(offset: number): SenderBytes | undefined {
    if (offset % MESSAGES_PER_TALLY !== 0) return undefined
    const sums = this.stored ?? []
    this.#bytes = undefined
    return sums
  }

  #addUp(): void {
    if (this.#more === 0) return
    this.#bytes ??= new Map<string, number>()
    addTo(this.#bytes, this.#sender, this.#more)
    this.#more = 0
  }
}

/** Returns the bytes of the messages from others from one offset up to, but not including, another, by sender. */
export const bytesBySender = (
  owner: string,
  from: number,
  end: number,
  rowAt: (offset: number) => Pick<MessageRow, 'message' | 'size' | 'senders'> | undefined,
): Map<string, number> => {
  const bytes = new Map<string, number>()
  for (let offset = from; offset < end; offset++) {
    const last = offset + MESSAGES_PER_TALLY - 1
    const senders = last < end && last % MESSAGES_PER_TALLY === 0 ? rowAt(last)?.senders : undefined
    if (senders) {
      for (const [sender, more] of senders) addTo(bytes, sender, more)
      offset = last
      continue
    }
    const row = rowAt(offset)
    if (row && row.message.from !== null && row.message.from !== owner)
      addTo(bytes, row.message.from, row.size)
  }
  return bytes
}
