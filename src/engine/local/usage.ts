import type { GroupCommit } from './group-commit.js'
import type { SendRules } from '../engine.js'
import { put, read, rows, type Store } from './store.js'

/** What an app takes up: inboxes that ever held something, and the bytes of the messages that are still stored. */
export interface AppUsage {
  inboxes: number
  bytes: number
}

/** What apps take up, counted together with what is written, so that the counts are right whenever a process ends. */
export class Usage {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #apps = new Map<string, AppUsage>()

  constructor(store: Store, commit: GroupCommit) {
    this.#store = store
    this.#commit = commit
  }

  fits(appId: string, more: AppUsage, quota: SendRules['quota']): boolean {
    const { inboxes, bytes } = this.#of(appId)
    return (
      bytes + more.bytes <= quota.bytes && (more.inboxes === 0 || inboxes + more.inboxes <= quota.inboxes)
    )
  }

  /** Written with the batch that is gathered now; what is less is negative. */
  add(appId: string, more: AppUsage): void {
    const taken = this.#of(appId)
    taken.inboxes += more.inboxes
    taken.bytes += more.bytes
    const row = rows.usage(appId)
    this.#commit.defer(row, (batch) => batch.push(put(row, taken)))
  }

  #of(appId: string): AppUsage {
    const known = this.#apps.get(appId)
    if (known) return known
    const taken = (read(this.#store, rows.usage(appId)) as AppUsage | undefined) ?? { inboxes: 0, bytes: 0 }
    this.#apps.set(appId, taken)
    return taken
  }
}
