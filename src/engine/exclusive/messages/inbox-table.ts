import type { CheckedMessage, UserRef } from '../../engine.js'
import { createHmacSha256 } from '../../../util/hmac-sha256.js'
import { LruCache } from '../../../util/lru-cache.js'
import type { GroupCommit } from '../store/group-commit.js'
import { Inbox } from './inbox.js'
import type { Revocations } from '../sessions/revocations.js'
import { rows } from '../store/rows.js'
import { userKey } from '../../user-key.js'
import type { Store } from '../store/store.js'

/** About how many bytes an inbox takes in memory. */
const INBOX_BYTES = 1_000
const EPOCH_BYTES = 12

interface InboxTableOptions {
  store: Store
  commit: GroupCommit
  revocations: Revocations
  /**
   * The secret from which each inbox's epoch is derived. If acknowledged writes may be missing, the secret changes, and every epoch with
   * it.
   */
  epochKey: string
  /** About how many bytes the inboxes in memory may take. */
  cacheBytes: number
}

/**
 * Returns the last part of an idempotency key. It says how many inboxes of the sender and of the recipient were deleted, and is empty if
 * none was.
 */
export const deletionsSuffix = (counts: readonly number[]): string =>
  counts.some((count) => count > 0) ? `\0${counts.join(' ')}` : ''

/** The inboxes in memory: the most recently used ones, and those whose last change is not written. */
export class InboxTable {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #revocations: Revocations
  readonly #epochHmac: ReturnType<typeof createHmacSha256>
  readonly #cache: LruCache<Inbox>

  constructor({ store, commit, revocations, epochKey, cacheBytes }: InboxTableOptions) {
    this.#store = store
    this.#commit = commit
    this.#revocations = revocations
    this.#epochHmac = createHmacSha256(epochKey)
    this.#cache = new LruCache<Inbox>({
      // There is room for at least two inboxes, because a message changes two.
      max: Math.max(2, Math.ceil(cacheBytes / INBOX_BYTES)),
      isInUse: (inbox) => !this.#isWritten(inbox),
      onEvict: (inbox) => this.#beforeEviction(inbox),
    })
  }

  /** Returns the inbox, which the caller may change. `key` is the result of `userKey`. */
  open(of: UserRef, key = userKey(of)): Inbox {
    const inbox = this.peek(of, key)
    if (!inbox.exists) this.#cache.set(key, inbox)
    return inbox
  }

  /**
   * Returns the inbox for reading. An inbox that never had a message is not kept in memory, because most users get no message while they
   * are online.
   */
  peek({ appId, userId }: UserRef, key = userKey({ appId, userId })): Inbox {
    const cached = this.#cache.get(key)
    if (cached) return cached
    const of = { appId, userId }
    const inbox = this.#create(of, this.#revocations.deletions(of), false)
    if (inbox.exists) this.#cache.set(key, inbox)
    return inbox
  }

  /** Puts an empty inbox, with this number of `deletions`, in the place of the inbox that the next batch deletes. */
  replace({ of }: Inbox, deletions: number): void {
    this.#cache.set(userKey(of), this.#create(of, deletions, true))
  }

  /** Notes that the inbox has changed, so that the next batch writes its row. */
  markChanged(inbox: Inbox): void {
    inbox.exists = true
    this.#commit.defer(inbox.row, (batch) => inbox.write(batch))
  }

  /** Yields the inboxes whose last change is not written. */
  *unwritten(): Iterable<Inbox> {
    for (const inbox of this.#cache.values()) if (!this.#isWritten(inbox)) yield inbox
  }

  /** Returns the `deletionsSuffix` for a message. Because of this suffix, an id that was used before a deletion counts as new. */
  deletionsIn({ appId, from, to }: CheckedMessage): string {
    const counts = [from, to].map((userId) => (userId === null ? 0 : this.open({ appId, userId }).deletions))
    return deletionsSuffix(counts)
  }

  /** With `isNew` the inbox ignores the row in the store, which belongs to an earlier inbox that is being deleted. */
  #create(of: UserRef, deletions: number, isNew: boolean): Inbox {
    // The epoch is derived and not stored, because an inbox without a row needs one, too.
    const row = rows.inbox(of)
    const mac = this.#epochHmac(deletions > 0 ? `${row}\0${deletions}` : row)
    const epoch = mac.toString('base64url', 0, EPOCH_BYTES)
    return new Inbox(of, deletions, epoch, this.#store, isNew)
  }

  #beforeEviction(inbox: Inbox): void {
    if (this.#commit.isWritable && inbox.prepareClose()) this.markChanged(inbox)
  }

  #isWritten(inbox: Inbox): boolean {
    return inbox.assigned.offset === inbox.durable.offset && this.#commit.isWritten(inbox.row)
  }
}
