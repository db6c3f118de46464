import { LRUCache } from 'lru-cache'
import type { SendRules, UserRef } from '../../../engine.js'
import { exceedsShare } from '../../../decide/messages/share.js'
import type { Inbox } from '../inbox.js'
import { UnreadCounts } from './unread-counts.js'

/**
 * At most this many inboxes have counts. If all counts together have more than `MAX_COUNTED` messages, the counts of another inbox replace
 * the least recently used ones.
 */
const MAX_CACHED = 200
const MAX_COUNTED = 200_000

/** Keeps a sender's unread messages from pushing those of other senders out of an inbox. */
export class UnreadLimit {
  readonly #open: (of: UserRef) => Inbox
  /** The counts of inboxes that are full of unread messages, by the row of the inbox. */
  readonly #counts = new LRUCache<string, UnreadCounts>({ max: MAX_CACHED })

  constructor(open: (of: UserRef) => Inbox) {
    this.#open = open
  }

  /**
   * Returns whether the sender has too many unread messages, and this message would push an unread message of someone else out of the
   * inbox. Returns undefined if `count` has to be called first.
   */
  isReached(
    inbox: Inbox,
    from: string,
    size: number,
    { retention, unreadPerSender }: SendRules,
  ): boolean | undefined {
    if (!inbox.pushesOutOthers(from, size, retention)) return false
    const counts = this.#countsOf(inbox)
    return inbox.count(counts) ? exceedsShare(counts.of(from), unreadPerSender, retention) : undefined
  }

  /** Clears the counts of an inbox that is deleted, or in which a peer's mark has moved. A `count` that runs goes on with them. */
  forget({ row }: Inbox): void {
    this.#counts.peek(row)?.clear()
  }

  /** Counts the unread messages of an inbox in steps, so that the event loop is not blocked. */
  async count({ of, row, epoch }: Inbox): Promise<void> {
    const counts = this.#counts.get(row) ?? new UnreadCounts()
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      // The inbox may have been evicted and opened again, or deleted with its user.
      const inbox = this.#open(of)
      if (inbox.epoch !== epoch) return
      if (inbox.count(counts)) break
    }
    this.#counts.set(row, counts)
  }

  #countsOf({ row }: Inbox): UnreadCounts {
    const known = this.#counts.get(row)
    if (known) return known
    let total = 0
    for (const { size } of this.#counts.values()) total += size
    if (total > MAX_COUNTED) this.#counts.pop()
    const counts = new UnreadCounts()
    this.#counts.set(row, counts)
    return counts
  }
}
