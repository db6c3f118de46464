import type { DeferredWrite, GroupCommit } from './group-commit.js'
import { put, read, type Store } from './store.js'

interface AppCountersOptions<Counters> {
  store: Store
  commit: GroupCommit
  rowOf: (appId: string) => string
  /** Returns the counters of an app from its row, which is undefined for a new app. */
  load: (stored: Counters | undefined) => Counters
}

interface Entry<Counters> {
  counters: Counters
  row: string
  /** The function for `GroupCommit.defer`. It is kept, because otherwise each message would make a new function. */
  write: DeferredWrite
}

/** The counters of apps. A counter is written in the same batch as the change that it counts, so a crash loses both or neither. */
export class AppCounters<Counters extends Record<keyof Counters, number>> {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #rowOf: (appId: string) => string
  readonly #load: (stored: Counters | undefined) => Counters
  readonly #apps = new Map<string, Entry<Counters>>()

  constructor({ store, commit, rowOf, load }: AppCountersOptions<Counters>) {
    this.#store = store
    this.#commit = commit
    this.#rowOf = rowOf
    this.#load = load
  }

  of(appId: string): Readonly<Counters> {
    return this.#entryOf(appId).counters
  }

  /** Adds to some of the app's counters. The next batch writes them. */
  add(appId: string, difference: Partial<Counters>): void {
    const { counters, row, write } = this.#entryOf(appId)
    for (const name in difference)
      counters[name] = (counters[name] + (difference[name] ?? 0)) as (typeof counters)[typeof name]
    this.#commit.defer(row, write)
  }

  #entryOf(appId: string): Entry<Counters> {
    const known = this.#apps.get(appId)
    if (known) return known
    const row = this.#rowOf(appId)
    const counters = this.#load(read(this.#store, row) as Counters | undefined)
    const entry: Entry<Counters> = { counters, row, write: (batch) => batch.push(put(row, counters)) }
    this.#apps.set(appId, entry)
    return entry
  }
}
