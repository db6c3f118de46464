import type { SessionRef, UserRef } from '../../engine.js'
import { lowerBound } from '../../../util/lower-bound.js'
import { Multimap } from '../../../util/multimap.js'

/** The fields of a session that the index reads. */
interface Indexed extends SessionRef {
  readonly number: number
  readonly tokenId: string | null
}

/** If an app has more `#slots` than this, and most of them are of ended sessions, the slots of ended sessions are removed. */
const MIN_COMPACTED = 64

/** The sessions of one app, by user and in the order of their numbers. */
class AppSessions<Entry extends Indexed> {
  /** The sessions by user id. Those of a user are in the order of their starts. */
  readonly users = new Multimap<Entry>()
  /**
   * The sessions in the order of their numbers. When a session ends, its slot keeps the session's number, because binary searches need it.
   */
  #slots: (Entry | number)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds an entry. Its number must be higher than all others. */
  add(entry: Entry): void {
    this.users.add(entry.userId, entry)
    this.#slots.push(entry)
    this.#size++
  }

  delete(entry: Entry): void {
    const { userId, number } = entry
    this.users.delete(userId, entry)
    this.#slots[this.#indexFrom(number)] = number
    this.#size--
    if (this.#slots.length > MIN_COMPACTED && this.#size * 2 < this.#slots.length)
      this.#slots = this.#slots.filter((slot) => typeof slot !== 'number')
  }

  after(number: number, limit: number): Entry[] {
    const found: Entry[] = []
    for (
      let index = this.#indexFrom(number + 1);
      index < this.#slots.length && found.length < limit;
      index++
    ) {
      const slot = this.#slots[index]
      if (typeof slot === 'object') found.push(slot)
    }
    return found
  }

  /** Returns the index of the first slot whose number is `number` or higher. */
  #indexFrom(number: number): number {
    return lowerBound(0, this.#slots.length, (index) => {
      const slot = this.#slots[index]
      return (typeof slot === 'object' ? slot.number : (slot ?? 0)) < number
    })
  }
}

/** Finds sessions by user, by app and by token. */
export class SessionIndex<Entry extends Indexed> {
  /** The sessions by app, and then by user id. A key of both would cost a new string for each look-up. */
  readonly #apps = new Map<string, AppSessions<Entry>>()
  /** The sessions of all apps, by token id. */
  readonly #tokens = new Multimap<Entry>()

  /** Returns the user's sessions, the oldest first. */
  of({ appId, userId }: UserRef): readonly Entry[] {
    return this.#apps.get(appId)?.users.get(userId) ?? []
  }

  find(ref: SessionRef): Entry | undefined {
    // The search begins with the newest session, because older ones are mostly detached, and their clients do not come back.
    return this.of(ref).findLast(({ sessionId }) => sessionId === ref.sessionId)
  }

  /** Returns whether the entry was added and not deleted since. */
  has(entry: Entry): boolean {
    return this.of(entry).includes(entry)
  }

  ofToken(appId: string, tokenId: string): readonly Entry[] {
    return this.#tokens.get(tokenId).filter((entry) => entry.appId === appId)
  }

  /** Returns up to `limit` sessions of the app whose numbers are higher than `number`, in the order of their numbers. */
  inApp(appId: string, number: number, limit: number): Entry[] {
    return this.#apps.get(appId)?.after(number, limit) ?? []
  }

  count(appId: string): number {
    return this.#apps.get(appId)?.size ?? 0
  }

  *all(): Iterable<Entry> {
    for (const { users } of this.#apps.values()) yield* users.values()
  }

  /** Adds a session. Its number must be higher than all others. */
  add(entry: Entry): void {
    const { appId } = entry
    let app = this.#apps.get(appId)
    if (!app) this.#apps.set(appId, (app = new AppSessions()))
    app.add(entry)
    this.#addToken(entry)
  }

  delete(entry: Entry): void {
    const { appId } = entry
    const app = this.#apps.get(appId)
    app?.delete(entry)
    if (app?.size === 0) this.#apps.delete(appId)
    this.#deleteToken(entry)
  }

  /** Calls `change`, which may change the session's token. */
  changeToken(entry: Entry, change: () => void): void {
    this.#deleteToken(entry)
    change()
    this.#addToken(entry)
  }

  #addToken(entry: Entry): void {
    const { tokenId } = entry
    if (tokenId !== null) this.#tokens.add(tokenId, entry)
  }

  #deleteToken(entry: Entry): void {
    const { tokenId } = entry
    if (tokenId !== null) this.#tokens.delete(tokenId, entry)
  }
}
