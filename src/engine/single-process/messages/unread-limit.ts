import { LRUCache } from 'lru-cache'
import type { CheckedMessage, SendRules, UserRef } from '../../engine.js'
import type { Inbox } from './inbox.js'
import { rows } from '../store/rows.js'
import { UnreadCounts } from './unread-counts.js'

/** How many inboxes have their unread messages counted in memory at most, and about how many messages are counted at most. */
const MAX_CACHED = 200
const MAX_COUNTED = 200_000

/** Keeps a sender's unread messages from pushing those of other senders out of an inbox. */
export class UnreadLimit {
  readonly #open: (of: UserRef) => Inbox
  /** The counts of inboxes that are full of unread messages, by row. */
  readonly #counts = new LRUCache<string, UnreadCounts>({ max: MAX_CACHED })
  /**
   * The counts that messages to and from a user wait for, so that none overtakes an earlier one. The key is the row of the user's inbox.
   */
  readonly #waits = new Map<string, Promise<unknown>>()

  constructor(open: (of: UserRef) => Inbox) {
    this.#open = open
  }

  /**
   * Returns whether the sender has too many unread messages, and this message would push an unread message of someone else out of the
   * inbox. Returns undefined if `count` has to count them first.
   */
  isReached(
    inbox: Inbox,
    from: string,
    size: number,
    { retention, unreadPerSender }: SendRules,
  ): boolean | undefined {
    return inbox.isCrowdedBy(from, size, retention, unreadPerSender, () => this.#countsOf(inbox))
  }

  /** Counts the unread messages of an inbox in steps, so that the event loop is not blocked. Messages to the inbox wait meanwhile. */
  count(inbox: Inbox): Promise<void> {
    const counted = this.#countAll(inbox)
    this.#delay(inbox.row, counted)
    return counted
  }

  /** Resolves when the counts that the message has to wait for are done. Returns undefined if there are none. */
  waitOf({ appId, from, to }: CheckedMessage): Promise<unknown> | undefined {
    if (this.#waits.size === 0) return undefined
    const toRecipient = this.#waits.get(rows.inbox({ appId, userId: to }))
    const fromSender = from === null ? undefined : this.#waits.get(rows.inbox({ appId, userId: from }))
    if (!toRecipient || !fromSender || toRecipient === fromSender) return toRecipient ?? fromSender
    return Promise.all([toRecipient, fromSender])
  }

  /** Makes the sender's later messages wait too. */
  delaySender({ appId, from }: CheckedMessage, wait: Promise<unknown>): void {
    if (from !== null) this.#delay(rows.inbox({ appId, userId: from }), wait)
  }

  /** Forgets the counts of an inbox that is deleted. */
  forget({ row }: Inbox): void {
    this.#counts.delete(row)
  }

  async #countAll({ of, row, epoch }: Inbox): Promise<void> {
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

  #delay(row: string, wait: Promise<unknown>): void {
    this.#waits.set(row, wait)
    const release = (): void => {
      if (this.#waits.get(row) === wait) this.#waits.delete(row)
    }
    wait.then(release, release)
  }
}
