import type { GroupCommit } from './group-commit.js'
import { rows } from './rows.js'
import { put, read, type Store } from './store.js'

/** The counters of an app's webhook events. */
export interface EventCountsRow {
  /** The number of the newest event. */
  last: number
  owed: number
  failed: number
}

/** Counts the webhook events of apps. A count is in the same batch as the event that it counts. */
export class EventCounts {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #apps = new Map<string, EventCountsRow>()

  constructor(store: Store, commit: GroupCommit) {
    this.#store = store
    this.#commit = commit
  }

  of(appId: string): Readonly<EventCountsRow> {
    return this.#of(appId)
  }

  /** Adds to the counters of owed and failed events. The next batch writes them. */
  add(appId: string, difference: Partial<Omit<EventCountsRow, 'last'>>): void {
    const counts = this.#of(appId)
    counts.owed += difference.owed ?? 0
    counts.failed += difference.failed ?? 0
    const row = rows.eventCounts(appId)
    this.#commit.defer(row, (batch) => batch.push(put(row, counts)))
  }

  /** Returns the number of a new event, and counts it as owed. */
  next(appId: string): number {
    const counts = this.#of(appId)
    counts.last++
    this.add(appId, { owed: 1 })
    return counts.last
  }

  #of(appId: string): EventCountsRow {
    const known = this.#apps.get(appId)
    if (known) return known
    const stored = read(this.#store, rows.eventCounts(appId)) as EventCountsRow | undefined
    const { last, owed, failed } = stored ?? { last: 0, owed: 0, failed: 0 }
    // Receivers ignore events with a smaller number than the last one. A store in memory or from a backup does not know that number.
    const counts = { last: Math.max(last, Date.now()), owed, failed }
    this.#apps.set(appId, counts)
    return counts
  }
}
