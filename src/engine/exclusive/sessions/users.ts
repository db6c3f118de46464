import { LRUCache } from 'lru-cache'
import type { Message } from '../../../protocol/index.js'
import type { SavedUser, UserChange, UserRecord, UserRef } from '../../engine.js'
import { copyChange, hasChanged, senderOf, userAfter, userEventData } from '../../user-changes.js'
import { KeyedMutex } from '../../../util/keyed-mutex.js'
import type { GroupCommit } from '../store/group-commit.js'
import { Reads } from '../store/reads.js'
import { lastOf } from '../store/row-keys.js'
import { rows } from '../store/rows.js'
import { userKey } from '../../user-key.js'
import { del, put, read, type Operation, type Store } from '../store/store.js'
import type { Usage } from '../store/usage.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'
import { storedUserOf, userRecordOf, type StoredUser } from './user-row.js'

/** About how many bytes a sender takes in memory. */
const SENDER_BYTES = 400

interface SaveOptions<Refusal> {
  isGuest?: boolean
  /** Called with the stored user. Returns why the save is refused; undefined if it is not. */
  refuse?: (stored: UserRecord | null) => Refusal | undefined
}

interface Creation {
  /** Resolves when the user is synced. */
  synced: Promise<void>
  user: UserRecord
}

interface UsersOptions {
  store: Store
  commit: GroupCommit
  usage: Usage
  webhooks: WebhookEvents
  /** About how many bytes the senders in memory may take. */
  cacheBytes: number
  /** Returns operations for the batch that deletes a user. */
  onDelete: (of: UserRef) => Operation[]
}

export class Users {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #usage: Usage
  readonly #webhooks: WebhookEvents
  readonly #reads: Reads
  readonly #onDelete: (of: UserRef) => Operation[]
  readonly #mutex = new KeyedMutex()
  /** The deletions that are running, by the rows of their users. The store still returns these rows. */
  readonly #deleting = new Map<string, Promise<unknown>>()
  /** The creations that are running, by the rows of their users. The store does not return these users yet. */
  readonly #creating = new Map<string, Creation>()
  /** The field `sender` of messages, by the result of `userKey`. Only users who exist have an entry. */
  readonly #senders: LRUCache<string, { sender: Message['sender'] }>

  constructor({ store, commit, usage, webhooks, cacheBytes, onDelete }: UsersOptions) {
    this.#onDelete = onDelete
    this.#senders = new LRUCache({ max: Math.ceil(cacheBytes / SENDER_BYTES) })
    this.#store = store
    this.#commit = commit
    this.#usage = usage
    this.#webhooks = webhooks
    this.#reads = new Reads(store)
  }

  get(of: UserRef): UserRecord | null {
    const stored = read(this.#store, rows.user(of)) as StoredUser | undefined
    return stored ? userRecordOf(of, stored) : null
  }

  /** Returns whether the user who was created at `createdAt` exists. */
  exists(of: UserRef, createdAt: number): boolean {
    return !this.#deleting.has(rows.user(of)) && this.get(of)?.createdAt === createdAt
  }

  /** Returns the field `sender` of a message of this user; undefined if the user does not exist. `key` is the result of `userKey`. */
  sender(of: UserRef, key = userKey(of)): Message['sender'] | undefined {
    const cached = this.#senders.get(key)
    if (cached) return cached.sender
    const row = rows.user(of)
    const creation = this.#creating.get(row)
    if (creation) return senderOf(creation.user)
    const user = this.#deleting.has(row) ? null : this.get(of)
    if (!user) return undefined
    const sender = senderOf(user)
    this.#senders.set(key, { sender })
    return sender
  }

  /** Resolves when the user's running deletion has ended. Returns undefined if no deletion is running. */
  deletionOf(of: UserRef): Promise<unknown> | undefined {
    return this.#deleting.get(rows.user(of))
  }

  /** Creates a user who does not exist. Returns the operations that store the user. The next batch must write them. */
  create({ appId, userId }: UserRef): Operation[] {
    const of = { appId, userId }
    const row = rows.user(of)
    const user = userAfter(of, null, {}, Date.now())
    this.#usage.add(appId, { users: 1 })
    this.#noteCreation(user, this.#commit.sync([]))
    return [
      put(row, storedUserOf(user)),
      ...this.#webhooks.operations(of, 'user.created', userEventData(user)),
    ]
  }

  /**
   * Creates or changes the user. If `refuse` returns a refusal for the stored user, resolves with this refusal and saves nothing. With
   * `isGuest` a new user counts as a guest.
   */
  save<Refusal = never>(
    { appId, userId }: UserRef,
    change: UserChange,
    { isGuest = false, refuse }: SaveOptions<Refusal> = {},
  ): Promise<SavedUser | Refusal> {
    const of = { appId, userId }
    const row = rows.user(of)
    const copy = copyChange(change)
    // The mutex is released after the sync. Otherwise a save could merge with a profile that another save is about to
    // replace, or return "unchanged" for a profile that is not durable yet.
    return this.#mutex.run(row, async () => {
      const creation = this.#creating.get(row)
      if (creation) await creation.synced
      const stored = this.get(of)
      const refusal = refuse?.(stored)
      if (refusal !== undefined) return refusal
      const isNewGuest = isGuest && stored === null
      const user = userAfter(of, stored, copy, Date.now())
      const changed = hasChanged(user, stored)
      if (changed) {
        const operations: Operation[] = [put(row, storedUserOf(user))]
        if (isNewGuest) operations.push(put(rows.guest(of), 1))
        const type = stored ? 'user.updated' : 'user.created'
        if (this.#webhooks.asks(appId, type))
          operations.push(...this.#webhooks.operations(of, type, userEventData(user)))
        if (!stored) this.#usage.add(appId, { users: 1, guests: Number(isNewGuest) })
        const synced = this.#commit.syncSpaced(operations)
        if (!stored) this.#noteCreation(user, synced)
        await synced
        this.#senders.delete(userKey(of))
      } else if (user.vouchedAt !== stored?.vouchedAt) {
        // If the profile has not changed, the write needs no sync: a power cut can lose only the new `vouchedAt`.
        this.#commit.defer(row, (batch) => batch.push(put(row, storedUserOf(user))))
        await this.#commit.flush()
      }
      return { user, created: stored === null, changed }
    })
  }

  /**
   * Notes that a save or a message creates the user. Until the user is synced, messages get their `sender` from `#creating`, and other
   * changes of the user wait.
   */
  #noteCreation(user: UserRecord, synced: Promise<void>): void {
    const row = rows.user(user)
    const forget = (): boolean => this.#creating.delete(row)
    this.#creating.set(row, { synced, user })
    synced.then(forget, forget)
  }

  /**
   * Deletes the user if it is a guest and `isUnused` returns true. `deleteInbox` calls its argument with the operations that delete the
   * inbox. One batch writes these and deletes the user.
   */
  deleteGuest(
    of: UserRef,
    isUnused: () => boolean,
    deleteInbox: (write: (operations: Operation[]) => Promise<void>) => Promise<unknown>,
  ): Promise<void> {
    const row = rows.user(of)
    const guestRow = rows.guest(of)
    return this.#delete(row, async () => {
      if (!this.#commit.isWritable || !isUnused() || read(this.#store, guestRow) === undefined) return
      // The deletion of the inbox may have to wait. A message that came meanwhile would be deleted with the inbox.
      this.#senders.delete(userKey(of))
      await deleteInbox((inboxOperations) => {
        const { appId, userId } = of
        const operations = [del(row), del(guestRow), del(rows.lastSeen(of)), ...inboxOperations]
        const deviceOperations = this.#onDelete(of)
        // This comes after the other reads: if one of them failed, an event that is not written would hold back the guest's later ones.
        const event = this.#webhooks.operations({ appId, userId }, 'user.deleted', {})
        // These are not deferred: if a user saves a device of the guest meanwhile, the deletion of its former owner must come before.
        this.#commit.append([...deviceOperations, ...event])
        this.#commit.defer(guestRow, (batch) => batch.push(...operations))
        this.#usage.add(of.appId, { users: -1, guests: -1 })
        // The mutex is held until the batch is written: a save that waits for the mutex must not read the deleted user.
        return this.#commit.flush()
      })
    })
  }

  /**
   * Deletes a guest, and adds no webhook event. `decide` is called with the guest, or with null if there is none. One batch deletes the
   * guest and writes the operations that `decide` returns. If `decide` returns null, nothing is deleted.
   */
  deleteAdopted(of: UserRef, decide: (guest: UserRecord | null) => Operation[] | null): Promise<void> {
    const [row, guestRow] = [rows.user(of), rows.guest(of)]
    return this.#delete(row, async () => {
      const isGuest = read(this.#store, guestRow) !== undefined
      const guest = isGuest ? this.get(of) : null
      await this.#change(() => {
        const operations = decide(guest)
        if (!operations) return undefined
        this.#usage.add(of.appId, { users: -1, guests: -1 })
        this.#senders.delete(userKey(of))
        return this.#commit.sync([del(row), del(guestRow), ...this.#onDelete(of), ...operations])
      })
    })
  }

  /** Reads the users of the app that come after `userId`, in the order of their rows. */
  async after(appId: string, userId: string | null, limit: number): Promise<UserRecord[]> {
    const found = await this.#reads.all<StoredUser>({ ...rows.usersAfter(appId, userId), limit })
    return found.map(([row, stored]) => userRecordOf({ appId, userId: lastOf(row) }, stored))
  }

  /**
   * Deletes the user in the batch in which `write` writes the operations. `write` calls its argument when it begins that batch: an event
   * that was added earlier would overwrite the rows of events that come meanwhile. Resolves with whether there was such a user.
   */
  delete(
    { appId, userId }: UserRef,
    write: (operations: () => Operation[]) => Promise<void>,
  ): Promise<boolean> {
    const of = { appId, userId }
    const [row, guestRow] = [rows.user(of), rows.guest(of)]
    return this.#delete(row, async () => {
      const exists = this.get(of) !== null
      const isGuest = read(this.#store, guestRow) !== undefined
      this.#senders.delete(userKey(of))
      await write(() =>
        this.#change(() => {
          if (exists) this.#usage.add(appId, { users: -1, guests: -Number(isGuest) })
          const event = exists ? this.#webhooks.operations(of, 'user.deleted', {}) : []
          return [del(row), del(guestRow), ...this.#onDelete(of), ...event]
        }),
      )
      return exists
    })
  }

  /** Resolves when every save, deletion and read so far has ended. */
  async idle(): Promise<void> {
    await this.#mutex.idle()
    await this.#reads.idle()
  }

  /** Calls `change`, which reads the store and changes what is in memory. If a read fails in between, only a part has changed. */
  #change<T>(change: () => T): T {
    try {
      return change()
    } catch (error) {
      this.#commit.fail(error)
      throw error
    }
  }

  /** Runs a deletion. Until it ends, the user counts as deleted, though the store still returns the row. */
  #delete<T>(row: string, work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(row, async () => {
      const creation = this.#creating.get(row)
      if (creation) await creation.synced
      const deletion = work()
      this.#deleting.set(row, deletion)
      try {
        return await deletion
      } finally {
        this.#deleting.delete(row)
      }
    })
  }
}
