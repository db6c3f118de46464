import type { Retention, UserRef } from '../../../engine.js'
import type { Operation } from '../../store/store.js'
import type { Usage } from '../../store/usage.js'
import type { Inbox } from '../inbox.js'
import type { InboxTable } from '../inbox-table.js'
import type { SenderShares } from '../sends/sender-shares.js'

interface DeletionsOptions {
  table: InboxTable
  usage: Usage
  shares: SenderShares
  /** Called after retention has deleted the last message of an inbox. By then another message may have come. */
  onEmptied: (of: UserRef) => void
}

/** Deletes those messages of an inbox that are not retained. */
export class Deletions {
  readonly #options: DeletionsOptions

  constructor(options: DeletionsOptions) {
    this.#options = options
  }

  /** Adds operations that delete messages which are not retained. Without `all` some of these messages stay for a later call. */
  add(inbox: Inbox, retention: Retention, now: number, all: boolean, operations: Operation[]): void {
    const { table, usage, shares, onEmptied } = this.#options
    const { first } = inbox.durable
    if (inbox.hasExpired(now, retention)) inbox.expire(now, retention)
    if (all) inbox.trim(retention)
    const swept = inbox.sweep(all)
    if (inbox.durable.first !== first || swept) table.markChanged(inbox)
    // The callback runs in a microtask, because a send that empties the inbox appends its own message right after this call.
    if (inbox.durable.first !== first && !inbox.hasMessages) queueMicrotask(() => onEmptied(inbox.of))
    if (!swept) return
    for (const operation of swept.operations) operations.push(operation)
    usage.add(inbox.of.appId, { bytes: -swept.freed })
    shares.free(inbox.of.appId, swept.senders)
  }
}
