import { AppCounters } from '../store/app-counters.js'
import type { GroupCommit } from '../store/group-commit.js'
import { rows } from '../store/rows.js'
import type { Store } from '../store/store.js'

/** The counters of an app's webhook events. */
export interface EventCountsRow {
  /** The number of the newest event. */
  last: number
  pending: number
  failed: number
  /** About how many bytes the pending events take. */
  bytes: number
}

const load = (stored: Partial<EventCountsRow> | undefined): EventCountsRow => {
  const { last = 0, pending = 0, failed = 0, bytes = 0 } = stored ?? {}
  // Receivers ignore an event whose number is smaller than that of an earlier event. A store in memory or from a backup does not know the
  // last number. So when the store is opened, the next number is at least the present time.
  return { last: Math.max(last, Date.now()), pending, failed, bytes }
}

/** Counts and numbers the webhook events of apps. */
export class EventCounts extends AppCounters<EventCountsRow> {
  constructor(store: Store, commit: GroupCommit) {
    super({ store, commit, rowOf: rows.eventCounts, load })
  }

  /** Returns the number of a new event. */
  next(appId: string): number {
    this.add(appId, { last: 1 })
    return this.of(appId).last
  }
}
