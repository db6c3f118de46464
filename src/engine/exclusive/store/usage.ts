import type { AppUsage, SendRules } from '../../engine.js'
import type { GroupCommit } from './group-commit.js'
import type { DeferredWrite } from './overlay.js'
import { rows } from './rows.js'
import { put, read, type Store } from './store.js'

/** The counts of an app's data in the store. */
export interface StoredUsage extends Omit<AppUsage, 'sessions'> {
  /** The number of the newest webhook event. */
  lastEvent: number
  pending: number
  failed: number
  /** About how many bytes the pending events take. */
  eventBytes: number
}

export const NO_USAGE: StoredUsage = {
  ...{ users: 0, guests: 0, inboxes: 0, bytes: 0 },
  ...{ lastEvent: 0, pending: 0, failed: 0, eventBytes: 0 },
}

interface Entry {
  usage: StoredUsage
  row: string
  /** The function for `GroupCommit.defer`. It is kept, because otherwise each message would make a new function. */
  write: DeferredWrite
}

/** The counts of apps. A count is written in the same batch as the change that it counts, so a crash loses both or neither. */
export class Usage {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #apps = new Map<string, Entry>()

  constructor(store: Store, commit: GroupCommit) {
    this.#store = store
    this.#commit = commit
  }

  of(appId: string): Readonly<StoredUsage> {
    return this.#entryOf(appId).usage
  }

  /** Adds to some of the app's counts. The next batch writes them. */
  add(appId: string, difference: Partial<StoredUsage>): void {
    const { usage, row, write } = this.#entryOf(appId)
    let name: keyof StoredUsage
    for (name in difference) usage[name] += difference[name] ?? 0
    this.#commit.defer(row, write)
  }

  /** Returns the number of a new webhook event. */
  nextEvent(appId: string): number {
    this.add(appId, { lastEvent: 1 })
    return this.of(appId).lastEvent
  }

  /** Returns whether the app stays within `quota` if it uses `more`. The number of inboxes is checked only if `more` has a new inbox. */
  fits(appId: string, more: Pick<StoredUsage, 'inboxes' | 'bytes'>, quota: SendRules['quota']): boolean {
    const { inboxes, bytes } = this.of(appId)
    return (
      bytes + more.bytes <= quota.bytes && (more.inboxes === 0 || inboxes + more.inboxes <= quota.inboxes)
    )
  }

  #entryOf(appId: string): Entry {
    const known = this.#apps.get(appId)
    if (known) return known
    const row = rows.usage(appId)
    const usage = { ...NO_USAGE, ...(read(this.#store, row) as StoredUsage | undefined) }
    // Receivers ignore an event whose number is smaller than that of an earlier event. A store in memory or from a backup does not know the
    // last number. So when the store is opened, the next number is at least the present time.
    usage.lastEvent = Math.max(usage.lastEvent, Date.now())
    const entry: Entry = { usage, row, write: (batch) => batch.push(put(row, usage)) }
    this.#apps.set(appId, entry)
    return entry
  }
}
