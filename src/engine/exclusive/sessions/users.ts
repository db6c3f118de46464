import { LRUCache } from 'lru-cache'
import type { Message } from '../../../protocol/index.js'
import type { SavedUser, UserChange, UserRecord, UserRef } from '../../engine.js'
import {
  copyChange,
  hasChanged,
  senderOf,
  userAfter,
  userEventData,
} from '../../decide/users/user-changes.js'
import type { Core } from '../store/core.js'
import { lastOf } from '../store/row-keys.js'
import { rows } from '../store/rows.js'
import { userKey } from '../../user-key.js'
import { del, put, read, type Operation } from '../store/store.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'
import { storedUserOf, userRecordOf, type StoredUser } from './user-row.js'

/** About how many bytes a sender takes in memory. */
const SENDER_BYTES = 400

interface SaveOptions<Refusal> {
  isGuest?: boolean
  /** Called with the user, who is perhaps not written yet. Returns why the save is refused; undefined if it is not. */
  refuse?: (stored: UserRecord | null) => Refusal | undefined
}

const recordOf = (of: UserRef, stored: unknown): UserRecord | null =>
  stored === undefined ? null : userRecordOf(of, stored as StoredUser)

interface UsersOptions extends Core {
  webhooks: WebhookEvents
  /** About how many bytes the senders in memory may take. */
  cacheBytes: number
  /** Returns operations for the batch that deletes a user. */
  onDelete: (of: UserRef) => Operation[]
}

export class Users {
  readonly #options: UsersOptions
  /** The field `sender` of messages, by the result of `userKey`. Only users who exist have an entry. */
  readonly #senders: LRUCache<string, { sender: Message['sender'] }>

  constructor(options: UsersOptions) {
    this.#options = options
    this.#senders = new LRUCache({ max: Math.ceil(options.cacheBytes / SENDER_BYTES) })
  }

  /** Returns the user as it is written. */
  get(of: UserRef): UserRecord | null {
    return recordOf(of, read(this.#options.store, rows.user(of)))
  }

  /** Returns whether the user who was created at `createdAt` exists. A user who is being deleted does not. */
  exists(of: UserRef, createdAt: number): boolean {
    return this.#newest(of)?.createdAt === createdAt
  }

  /** Returns the guest; null if the user does not exist, or is no guest. */
  guest(of: UserRef): UserRecord | null {
    return this.#isGuest(of) ? this.#newest(of) : null
  }

  /** Returns the field `sender` of a message of this user; undefined if the user does not exist. `key` is the result of `userKey`. */
  sender(of: UserRef, key = userKey(of)): Message['sender'] | undefined {
    const cached = this.#senders.get(key)
    if (cached) return cached.sender
    const user = this.#newest(of)
    if (!user) return undefined
    const sender = senderOf(user)
    this.#senders.set(key, { sender })
    return sender
  }

  /** Creates a user who does not exist. Returns the operations that store the user. The next batch must write them. */
  create({ appId, userId }: UserRef): Operation[] {
    const of = { appId, userId }
    const user = userAfter(of, null, {}, Date.now())
    this.#options.usage.add(appId, { users: 1 })
    return [
      put(rows.user(of), storedUserOf(user)),
      ...this.#options.webhooks.operations(of, 'user.created', userEventData(user)),
    ]
  }

  /**
   * Creates or changes the user. If `refuse` returns a refusal for the user, resolves with this refusal and saves nothing. With `isGuest` a
   * new user counts as a guest.
   */
  async save<Refusal = never>(
    { appId, userId }: UserRef,
    change: UserChange,
    { isGuest = false, refuse }: SaveOptions<Refusal> = {},
  ): Promise<SavedUser | Refusal> {
    const { commit, usage, webhooks } = this.#options
    const of = { appId, userId }
    const row = rows.user(of)
    // The answer tells of the user whom another call is writing, so it waits for that write, too.
    const isPending = commit.isPending(row)
    const stored = this.#newest(of)
    const refusal = refuse?.(stored)
    if (refusal !== undefined) {
      if (isPending) await commit.syncSpaced([])
      return refusal
    }
    const user = userAfter(of, stored, copyChange(change), Date.now())
    const changed = hasChanged(user, stored)
    if (changed) {
      const isNewGuest = isGuest && stored === null
      const operations: Operation[] = [put(row, storedUserOf(user))]
      if (isNewGuest) operations.push(put(rows.guest(of), 1))
      const type = stored ? 'user.updated' : 'user.created'
      if (webhooks.asks(appId, type)) operations.push(...webhooks.operations(of, type, userEventData(user)))
      if (!stored) usage.add(appId, { users: 1, guests: Number(isNewGuest) })
      this.#senders.delete(userKey(of))
      await commit.syncSpaced(operations)
    } else {
      const isVouchedAgain = user.vouchedAt !== stored?.vouchedAt
      // If the profile has not changed, the write needs no sync: a power cut can lose only the new `vouchedAt`.
      if (isVouchedAgain) commit.append([put(row, storedUserOf(user))])
      if (isPending) await commit.syncSpaced([])
      else if (isVouchedAgain) await commit.flush()
    }
    return { user, created: stored === null, changed }
  }

  /**
   * Deletes the user, with a webhook event. Returns the operations that store this, which the next batch must write; an empty list if there
   * is no such user.
   */
  delete({ appId, userId }: UserRef): Operation[] {
    const of = { appId, userId }
    const operations = this.remove(of)
    // This comes after the other reads: if one of them failed, an event that is not written would hold back the user's later ones.
    if (operations.length > 0) operations.push(...this.#options.webhooks.operations(of, 'user.deleted', {}))
    return operations
  }

  /** As `delete`, but without a webhook event. */
  remove(of: UserRef): Operation[] {
    if (!this.#newest(of)) return []
    const isGuest = this.#isGuest(of)
    const operations = [
      del(rows.user(of)),
      del(rows.guest(of)),
      del(rows.lastSeen(of)),
      ...this.#options.onDelete(of),
    ]
    this.#options.usage.add(of.appId, { users: -1, guests: -Number(isGuest) })
    this.#senders.delete(userKey(of))
    return operations
  }

  /** Reads the users of the app that come after `userId`, in the order of their rows. */
  async after(appId: string, userId: string | null, limit: number): Promise<UserRecord[]> {
    const found = await this.#options.reads.all<StoredUser>({ ...rows.usersAfter(appId, userId), limit })
    return found.map(([row, stored]) => userRecordOf({ appId, userId: lastOf(row) }, stored))
  }

  /** Returns the user, even if it is not written yet. */
  #newest(of: UserRef): UserRecord | null {
    return recordOf(of, this.#options.commit.newest(rows.user(of)))
  }

  #isGuest(of: UserRef): boolean {
    return this.#options.commit.newest(rows.guest(of)) !== undefined
  }
}
