import type { AppUsage, SendRules } from '../../engine.js'
import { AppCounters } from './app-counters.js'
import type { GroupCommit } from './group-commit.js'
import { rows } from './rows.js'
import type { Store } from './store.js'

/** The counts of an app's data in the store. */
export type StoredUsage = Omit<AppUsage, 'sessions'>

const NOTHING: StoredUsage = { users: 0, guests: 0, inboxes: 0, bytes: 0 }

export class Usage {
  readonly #apps: AppCounters<StoredUsage>

  constructor(store: Store, commit: GroupCommit) {
    const load = (stored: StoredUsage | undefined): StoredUsage => ({ ...NOTHING, ...stored })
    this.#apps = new AppCounters({ store, commit, rowOf: rows.usage, load })
  }

  /** Returns whether the app stays within `quota` if it uses `more`. The number of inboxes is checked only if `more` has a new inbox. */
  fits(appId: string, more: Pick<StoredUsage, 'inboxes' | 'bytes'>, quota: SendRules['quota']): boolean {
    const { inboxes, bytes } = this.#apps.of(appId)
    return (
      bytes + more.bytes <= quota.bytes && (more.inboxes === 0 || inboxes + more.inboxes <= quota.inboxes)
    )
  }

  /** Adds a difference, which is negative when messages are deleted. */
  add(appId: string, difference: Partial<StoredUsage>): void {
    const usage = this.#apps.of(appId)
    usage.users += difference.users ?? 0
    usage.inboxes += difference.inboxes ?? 0
    usage.bytes += difference.bytes ?? 0
    usage.guests += difference.guests ?? 0
    this.#apps.save(appId)
  }

  get(appId: string): StoredUsage {
    return { ...this.#apps.of(appId) }
  }

  guestsOf(appId: string): number {
    return this.#apps.of(appId).guests
  }
}
