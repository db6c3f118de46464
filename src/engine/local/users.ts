import { isDeepStrictEqual } from 'node:util'
import type { Message, Profile } from '../../protocol/index.js'
import type { GroupCommit } from './group-commit.js'
import { mergeProfile, type SavedUser, type UserChange, type UserRecord, type UserRef } from '../engine.js'
import { Recent } from '../util/lru-cache.js'
import { put, read, rows, type Store } from './store.js'
import { KeyedMutex } from '../util/keyed-mutex.js'

/** How many users' senders are kept at hand. */
const MAX_CACHED_SENDERS = 10_000

/** As it will be read back: no undefined fields, and nothing that the caller still holds. */
const toStored = (given: Profile | undefined): Profile =>
  given ? (JSON.parse(JSON.stringify(given)) as Profile) : {}

/** What others see of the user beside a message. */
const senderOf = (user: UserRecord): Message['sender'] => {
  const { name, photoUrl } = mergeProfile(user)
  if (name === undefined && photoUrl === undefined) return null
  return { ...(name !== undefined && { name }), ...(photoUrl !== undefined && { photoUrl }) }
}

/** The users in a store. */
export class Users {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #mutex = new KeyedMutex()
  /** Of users who are known, by row. */
  readonly #senders = new Recent<{ sender: Message['sender'] }>(MAX_CACHED_SENDERS)

  constructor(store: Store, commit: GroupCommit) {
    this.#store = store
    this.#commit = commit
  }

  get(of: UserRef): UserRecord | null {
    return (read(this.#store, rows.user(of)) as UserRecord | undefined) ?? null
  }

  /** What a message of this user says about them; undefined for a user who never came. */
  sender(of: UserRef): Message['sender'] | undefined {
    const row = rows.user(of)
    const recent = this.#senders.get(row)
    if (recent) return recent.sender
    const user = this.get(of)
    if (!user) return undefined
    const sender = senderOf(user)
    this.#senders.set(row, { sender })
    return sender
  }

  save({ appId, userId }: UserRef, change: UserChange): Promise<SavedUser> {
    const of = { appId, userId }
    const row = rows.user(of)
    const vouched = toStored(change.vouched)
    const claimed = toStored(change.claimed)
    // In turn, and the sync is part of the turn: no save merges with what another is about to replace, and none
    // finds "nothing changed" while that is not yet durable.
    return this.#mutex.run(row, async () => {
      const kept = this.get(of)
      const user: UserRecord = {
        ...of,
        vouched: { ...kept?.vouched, ...vouched },
        claimed: { ...kept?.claimed, ...claimed },
        createdAt: kept?.createdAt ?? Date.now(),
      }
      // Mostly nothing differs, and texts tell that fastest; the order of a client's own fields is no difference.
      const changed = JSON.stringify(user) !== JSON.stringify(kept) && !isDeepStrictEqual(user, kept)
      if (changed) {
        await this.#commit.sync([put(row, user)])
        this.#senders.delete(row)
      }
      return { user, created: kept === null, changed }
    })
  }

  /** Resolves when no save is under way. */
  async idle(): Promise<void> {
    await this.#mutex.idle()
  }
}
