import { LRUCache } from 'lru-cache'
import { isGuestId, type Message } from '../../../protocol/index.js'
import { mergeProfile, type SavedUser, type UserChange, type UserRecord, type UserRef } from '../../engine.js'
import { copyChange, hasChanged, senderOf, userAfter } from '../../user-changes.js'
import { KeyedMutex } from '../../../util/keyed-mutex.js'
import type { GroupCommit } from '../store/group-commit.js'
import { Reads } from '../store/reads.js'
import { rows, userKey } from '../store/rows.js'
import { del, put, read, type Operation, type Store } from '../store/store.js'
import type { Usage } from '../store/usage.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'

/** About how many bytes a sender takes in memory. */
const SENDER_BYTES = 400

/** The users in a store. */
export class Users {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #usage: Usage
  readonly #webhooks: WebhookEvents
  readonly #reads: Reads
  readonly #mutex = new KeyedMutex()
  /** The rows of users who are being deleted. They can still be read. */
  readonly #deleting = new Set<string>()
  /** What messages say about their senders, by the result of `userKey`. Only users who exist are in here. */
  readonly #senders: LRUCache<string, { sender: Message['sender'] }>

  /** `cacheBytes` is about how many bytes the senders in memory may take. */
  constructor(store: Store, commit: GroupCommit, usage: Usage, webhooks: WebhookEvents, cacheBytes: number) {
    this.#senders = new LRUCache({ max: Math.ceil(cacheBytes / SENDER_BYTES) })
    this.#store = store
    this.#commit = commit
    this.#usage = usage
    this.#webhooks = webhooks
    this.#reads = new Reads(store)
  }

  get(of: UserRef): UserRecord | null {
    return (read(this.#store, rows.user(of)) as UserRecord | undefined) ?? null
  }

  /** Returns what a message says about this user as its sender; undefined if the user does not exist. `key` is the result of `userKey`. */
  sender(of: UserRef, key = userKey(of)): Message['sender'] | undefined {
    const cached = this.#senders.get(key)
    if (cached) return cached.sender
    const user = this.#deleting.has(rows.user(of)) ? null : this.get(of)
    if (!user) return undefined
    const sender = senderOf(user)
    this.#senders.set(key, { sender })
    return sender
  }

  /**
   * Saves a guest, or another user if `maxGuests` is null. Resolves with null, and saves nothing, if the app has `maxGuests` guests
   * already.
   */
  save(of: UserRef, change: UserChange, maxGuests: null): Promise<SavedUser>
  save(of: UserRef, change: UserChange, maxGuests: number): Promise<SavedUser | null>
  save({ appId, userId }: UserRef, change: UserChange, maxGuests: number | null): Promise<SavedUser | null> {
    const of = { appId, userId }
    const row = rows.user(of)
    const copy = copyChange(change)
    // The mutex is released after the sync. Otherwise a save could merge with a profile that another save is about to
    // replace, or return "unchanged" for a profile that is not durable yet.
    return this.#mutex.run(row, async () => {
      const stored = this.get(of)
      const isNewGuest = maxGuests !== null && stored === null
      if (isNewGuest && this.#usage.guestsOf(appId) >= maxGuests) return null
      const user = userAfter(of, stored, copy, Date.now())
      const changed = hasChanged(user, stored)
      if (changed) {
        const operations: Operation[] = [put(row, user)]
        if (isNewGuest) operations.push(put(rows.guest(of), 1))
        const type = stored ? 'user.updated' : 'user.created'
        if (this.#webhooks.asks(appId, type)) {
          const event = { user: { ...mergeProfile(user), id: userId }, guest: isGuestId(userId) }
          operations.push(...this.#webhooks.operations(of, type, event))
        }
        if (!stored) this.#usage.add(appId, { users: 1, guests: Number(isNewGuest) })
        await this.#commit.syncSpaced(operations)
        this.#senders.delete(userKey(of))
      } else if (user.vouchedAt !== stored?.vouchedAt) {
        // A write of an equal profile needs no sync: if a power cut loses its later time, no field is lost.
        this.#commit.defer(row, (batch) => batch.push(put(row, user)))
        await this.#commit.flush()
      }
      return { user, created: stored === null, changed }
    })
  }

  /** Deletes the user if it is a guest and `isUnused` returns true. */
  deleteGuest(of: UserRef, isUnused: () => boolean): Promise<void> {
    const row = rows.user(of)
    const guestRow = rows.guest(of)
    return this.#mutex.run(row, async () => {
      if (!this.#commit.isWritable || !isUnused() || read(this.#store, guestRow) === undefined) return
      const { appId, userId } = of
      const event = this.#webhooks.operations({ appId, userId }, 'user.deleted', {})
      const operations = [del(row), del(guestRow), del(rows.lastSeen(of))]
      this.#commit.append(event)
      this.#commit.defer(guestRow, (batch) => batch.push(...operations))
      this.#usage.add(of.appId, { users: -1, guests: -1 })
      this.#senders.delete(userKey(of))
      // A save that waits for the mutex must not read the user that this batch deletes.
      await this.#commit.flush()
    })
  }

  /** Reads the app's users after a user, in the order of their rows. */
  async after(appId: string, userId: string | null, limit: number): Promise<UserRecord[]> {
    const found = await this.#reads.all<UserRecord>({ ...rows.usersAfter(appId, userId), limit })
    return found.map(([, user]) => user)
  }

  /** Deletes the user in the batch in which `write` writes the operations. Resolves with whether there was such a user. */
  delete({ appId, userId }: UserRef, write: (operations: Operation[]) => Promise<void>): Promise<boolean> {
    const of = { appId, userId }
    const [row, guestRow] = [rows.user(of), rows.guest(of)]
    return this.#mutex.run(row, async () => {
      const exists = this.get(of) !== null
      const isGuest = read(this.#store, guestRow) !== undefined
      if (exists) this.#usage.add(appId, { users: -1, guests: -Number(isGuest) })
      this.#deleting.add(row)
      this.#senders.delete(userKey(of))
      try {
        const event = exists ? this.#webhooks.operations(of, 'user.deleted', {}) : []
        await write([del(row), del(guestRow), ...event])
      } finally {
        this.#deleting.delete(row)
      }
      return exists
    })
  }

  /** Resolves when every save so far has ended. */
  async idle(): Promise<void> {
    await this.#mutex.idle()
    await this.#reads.idle()
  }
}
