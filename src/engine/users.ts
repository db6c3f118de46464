import { isDeepStrictEqual } from 'node:util'
import type { Profile } from '../protocol/index.js'
import type { Commit } from './commit.js'
import type { SavedUser, UserChange, UserRecord, UserRef } from './engine.js'
import { put, read, rows, type Store } from './store.js'
import { Turns } from './turns.js'

/** As it will be read back: no undefined fields, and nothing that the caller still holds. */
const asKept = (given: Profile | undefined): Profile => JSON.parse(JSON.stringify(given ?? {})) as Profile

/** The users in a store. */
export class Users {
  readonly #store: Store
  readonly #commit: Commit
  readonly #turns = new Turns()

  constructor(store: Store, commit: Commit) {
    this.#store = store
    this.#commit = commit
  }

  async get(of: UserRef): Promise<UserRecord | null> {
    return (await read<UserRecord>(this.#store, rows.user(of))) ?? null
  }

  save({ appId, userId }: UserRef, change: UserChange): Promise<SavedUser> {
    const of = { appId, userId }
    const vouched = asKept(change.vouched)
    const claimed = asKept(change.claimed)
    // In turn, and the sync is part of the turn: no save merges with what another is about to replace, and none
    // finds "nothing changed" while that is not yet durable.
    return this.#turns.take(rows.user(of), async () => {
      const kept = await this.get(of)
      const user: UserRecord = {
        ...of,
        vouched: { ...kept?.vouched, ...vouched },
        claimed: { ...kept?.claimed, ...claimed },
        createdAt: kept?.createdAt ?? Date.now(),
      }
      const changed = !isDeepStrictEqual(user, kept)
      if (changed) await this.#commit.durable([put(rows.user(of), user)])
      return { user, created: kept === null, changed }
    })
  }

  /** Resolves when no save is under way. */
  async done(): Promise<void> {
    await this.#turns.done()
  }
}
