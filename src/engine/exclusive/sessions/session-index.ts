import type { Credential, SessionRef, UserRef } from '../../engine.js'
import { lowerBound } from '../../../util/lower-bound.js'
import { Multimap } from '../../../util/multimap.js'

/** The fields of a session that the index reads. */
interface Indexed extends SessionRef {
  readonly number: number
  credential: Credential
}

/** A session in the order of the numbers. When it ends, its number takes its place, because removing the place would move all later ones. */
type Place<Entry extends Indexed> = Entry | number

const numberOf = (place: Place<Indexed>): number => (typeof place === 'number' ? place : place.number)

/** The sessions of one app, by user and in the order of their numbers. */
class AppSessions<Entry extends Indexed> {
  /** The sessions by user id. Those of a user are in the order of their starts. */
  readonly users = new Multimap<Entry>()
  #places: Place<Entry>[] = []
  size = 0

  /** Adds an entry. Its number must be higher than all others. */
  add(entry: Entry): void {
    this.users.add(entry.userId, entry)
    this.#places.push(entry)
    this.size += 1
  }

  /** Deletes an entry, which must be there. */
  delete(entry: Entry): void {
    this.users.delete(entry.userId, entry)
    this.#places[this.#indexAfter(entry.number - 1)] = entry.number
    this.size -= 1
    // This waits until most places are of ended sessions, because a copy at each end would take time for every session.
    if (this.size * 2 < this.#places.length)
      this.#places = this.#places.filter((place) => typeof place !== 'number')
  }

  after(number: number, limit: number): Entry[] {
    const found: Entry[] = []
    for (let index = this.#indexAfter(number); index < this.#places.length && found.length < limit; index++) {
      const place = this.#places[index]
      if (typeof place === 'object') found.push(place)
    }
    return found
  }

  /** Returns the index of the first place whose number is higher than `number`. */
  #indexAfter(number: number): number {
    return lowerBound(0, this.#places.length, (index) => numberOf(this.#places[index] ?? 0) <= number)
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
