import type { AppUsage, SendRules } from '../../engine.js'
import { AppCounters } from './app-counters.js'
import type { GroupCommit } from './group-commit.js'
import { rows } from './rows.js'
import type { Store } from './store.js'

/** The counts of an app's data in the store. */
export type StoredUsage = Omit<AppUsage, 'sessions'>

const NOTHING: StoredUsage = { users: 0, guests: 0, inboxes: 0, bytes: 0 }

export class Usage extends AppCounters<StoredUsage> {
  constructor(store: Store, commit: GroupCommit) {
    super({ store, commit, rowOf: rows.usage, load: (stored) => ({ ...NOTHING, ...stored }) })
  }

  /** Returns whether the app stays within `quota` if it uses `more`. The number of inboxes is checked only if `more` has a new inbox. */
  fits(appId: string, more: Pick<StoredUsage, 'inboxes' | 'bytes'>, quota: SendRules['quota']): boolean {
    const { inboxes, bytes } = this.of(appId)
    return (
      bytes + more.bytes <= quota.bytes && (more.inboxes === 0 || inboxes + more.inboxes <= quota.inboxes)
    )
  }
}
