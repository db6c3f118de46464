import type { SessionRef, UserRef } from '../engine.js'
import { Multimap } from '../util/multimap.js'
import { keyOf } from './rows.js'

/** The part of a session that the index reads. */
interface Indexed {
  readonly session: SessionRef & {
    readonly number: number
    readonly credential: { readonly tokenId: string | null }
  }
}

/** An app's slots are compacted when there are more than this, and most of them are empty. */
const MIN_COMPACTED = 64

/** The sessions of one app in the order of their numbers. */
class AppSessions<Entry extends Indexed> {
  /** A session that has ended leaves its number, so that a search still finds its way. */
  #slots: (Entry | number)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The entry's number is higher than those of all others. */
  add(entry: Entry): void {
    this.#slots.push(entry)
    this.#size++
  }

  delete({ session: { number } }: Entry): void {
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

  /** The index of the first slot whose number is `number` or higher. */
  #indexFrom(number: number): number {
    let [low, high] = [0, this.#slots.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const slot = this.#slots[middle]
      const at = typeof slot === 'object' ? slot.session.number : (slot ?? 0)
      if (at < number) low = middle + 1
      else high = middle
    }
    return low
  }
}

const userKeyOf = ({ appId, userId }: UserRef): string => keyOf(appId, userId)

/** Finds sessions by user, by app and by token. */
export class SessionIndex<Entry extends Indexed> {
  /** In the order of their starts. */
  readonly #users = new Multimap<Entry>()
  readonly #apps = new Map<string, AppSessions<Entry>>()
  /** By token id, of all apps. */
  readonly #tokens = new Multimap<Entry>()

  /** The user's sessions, oldest first. */
  of(user: UserRef): readonly Entry[] {
    return this.#users.get(userKeyOf(user))
  }

  find(ref: SessionRef): Entry | undefined {
    return this.of(ref).find(({ session }) => session.sessionId === ref.sessionId)
  }

  ofToken(appId: string, tokenId: string): readonly Entry[] {
    return this.#tokens.get(tokenId).filter(({ session }) => session.appId === appId)
  }

  /** Up to `limit` sessions of the app whose numbers come after `number`, in order. */
  inApp(appId: string, number: number, limit: number): Entry[] {
    return this.#apps.get(appId)?.after(number, limit) ?? []
  }

  /** The number of the app's sessions. */
  count(appId: string): number {
    return this.#apps.get(appId)?.size ?? 0
  }

  all(): Iterable<Entry> {
    return this.#users.values()
  }

  /** Adds a session with a higher number than all others. */
  add(entry: Entry): void {
    const { session } = entry
    this.#users.add(userKeyOf(session), entry)
    let app = this.#apps.get(session.appId)
    if (!app) this.#apps.set(session.appId, (app = new AppSessions()))
    app.add(entry)
    this.#addToken(entry)
  }

  delete(entry: Entry): void {
    const { session } = entry
    this.#users.delete(userKeyOf(session), entry)
    const app = this.#apps.get(session.appId)
    app?.delete(entry)
    if (app?.size === 0) this.#apps.delete(session.appId)
    this.#deleteToken(entry)
  }

  /** Calls `change`, which may change the session's token. */
  changeToken(entry: Entry, change: () => void): void {
    this.#deleteToken(entry)
    change()
    this.#addToken(entry)
  }

  #addToken(entry: Entry): void {
    const { tokenId } = entry.session.credential
    if (tokenId !== null) this.#tokens.add(tokenId, entry)
  }

  #deleteToken(entry: Entry): void {
    const { tokenId } = entry.session.credential
    if (tokenId !== null) this.#tokens.delete(tokenId, entry)
  }
}
