import type { Credential, SessionRef, UserRef } from '../../engine.js'
import { lowerBound } from '../../../util/lower-bound.js'
import { Multimap } from '../../../util/multimap.js'

/** The fields of a session that the index reads. */
interface Indexed extends SessionRef {
  readonly number: number
  credential: Credential
}

/** If an app has more `#numbers` than this, and most of them are of ended sessions, those are removed. */
const MIN_COMPACTED = 64

/** The sessions of one app, by user and in the order of their numbers. */
class AppSessions<Entry extends Indexed> {
  /** The sessions by user id. Those of a user are in the order of their starts. */
  readonly users = new Multimap<Entry>()
  readonly #byNumber = new Map<number, Entry>()
  /** The numbers of the sessions in their order, for binary searches. Some are of sessions that have ended. */
  #numbers: number[] = []

  get size(): number {
    return this.#byNumber.size
  }

  /** Adds an entry. Its number must be higher than all others. */
  add(entry: Entry): void {
    this.users.add(entry.userId, entry)
    this.#byNumber.set(entry.number, entry)
    this.#numbers.push(entry.number)
  }

  delete(entry: Entry): void {
    this.users.delete(entry.userId, entry)
    this.#byNumber.delete(entry.number)
    if (this.#numbers.length > MIN_COMPACTED && this.size * 2 < this.#numbers.length)
      this.#numbers = [...this.#byNumber.keys()]
  }

  after(number: number, limit: number): Entry[] {
    const numbers = this.#numbers
    const found: Entry[] = []
    let index = lowerBound(0, numbers.length, (n) => (numbers[n] ?? 0) <= number)
    for (; index < numbers.length && found.length < limit; index++) {
      const entry = this.#byNumber.get(numbers[index] ?? 0)
      if (entry) found.push(entry)
    }
    return found
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

  setCredential(entry: Entry, credential: Credential): void {
    this.#deleteToken(entry)
    entry.credential = credential
    this.#addToken(entry)
  }

  #addToken(entry: Entry): void {
    const { tokenId } = entry.credential
    if (tokenId !== null) this.#tokens.add(tokenId, entry)
  }

  #deleteToken(entry: Entry): void {
    const { tokenId } = entry.credential
    if (tokenId !== null) this.#tokens.delete(tokenId, entry)
  }
}
