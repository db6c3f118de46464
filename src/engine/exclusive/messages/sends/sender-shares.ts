import type { SendRules, UserRef } from '../../../engine.js'
import { exceedsBytes } from '../../../decide/messages/share.js'
import type { GroupCommit } from '../../store/group-commit.js'
import { userKey } from '../../../user-key.js'
import type { Operation } from '../../store/store.js'
import type { Inbox } from '../inbox.js'
import type { InboxTable } from '../inbox-table.js'

/**
 * Keeps each sender's messages to others within the sender's share of the app's bytes. A sender's own inbox counts the bytes of these
 * messages, because every message changes that inbox anyway.
 */
export class SenderShares {
  readonly #table: InboxTable
  readonly #commit: GroupCommit
  /** The bytes of deleted messages by the key of their sender. The next batch subtracts them. */
  #freed = new Map<string, { of: UserRef; bytes: number }>()
  readonly #write = (batch: Operation[]): void => this.#takeOff(batch)

  constructor(table: InboxTable, commit: GroupCommit) {
    this.#table = table
    this.#commit = commit
  }

  /**
   * Returns false if a further message of `size` bytes is within the sender's share. `own` is the sender's inbox. After true the caller
   * deletes those of the recipient's messages that are not retained, and calls `exceeds`.
   */
  mayExceed(own: Inbox, size: number, { quota: { bytesPerSender } }: SendRules): boolean {
    return exceedsBytes(own.sent, size, bytesPerSender, own.of.userId, [])
  }

  /** Returns whether the message exceeds the share, even after it has pushed older messages out of the recipient's inbox. */
  exceeds(inbox: Inbox, own: Inbox, size: number, { quota, retention }: SendRules): boolean {
    const freed = this.#freed.get(userKey(own.of))?.bytes ?? 0
    return inbox.exceedsBytes(own.sent - freed, size, quota.bytesPerSender, own.of.userId, retention)
  }

  /**
   * Subtracts the bytes of deleted messages from the `sent` of their senders, in the batch that deletes the messages. For a message that an
   * adoption has moved into an inbox, the number of bytes is negative, so the bytes are added.
   */
  free(appId: string, bytesBySender: ReadonlyMap<string, number>): void {
    if (bytesBySender.size === 0) return
    for (const [userId, bytes] of bytesBySender) {
      const of = { appId, userId }
      const key = userKey(of)
      const freed = this.#freed.get(key)
      if (freed) freed.bytes += bytes
      else this.#freed.set(key, { of, bytes })
    }
    this.#commit.defer('freed bytes', this.#write)
  }

  /**
   * Subtracts the bytes. This is a deferred write, because it opens the inboxes of senders, which may evict other inboxes. The caller of
   * `free` may still be using one of those.
   */
  #takeOff(batch: Operation[]): void {
    const all = this.#freed
    this.#freed = new Map()
    for (const [key, { of, bytes }] of all) {
      const inbox = this.#table.peek(of, key)
      // If the sender has no inbox, the sender was deleted meanwhile.
      if (!inbox.exists) continue
      inbox.sent = Math.max(0, inbox.sent - bytes)
      inbox.write(batch)
    }
  }
}
