import type { AppUsage as EngineUsage, SendRules } from '../engine.js'
import type { GroupCommit } from './group-commit.js'
import { rows } from './rows.js'
import { put, read, type Store } from './store.js'

/** The counts of an app's data in the store. */
export type AppUsage = Omit<EngineUsage, 'sessions'>

const NOTHING: AppUsage = { users: 0, guests: 0, inboxes: 0, bytes: 0 }

/**
 * Counts each app's usage. A count is in the same batch as the change it counts, so both survive a crash or neither.
 */
export class Usage {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #apps = new Map<string, AppUsage>()

  constructor(store: Store, commit: GroupCommit) {
    this.#store = store
    this.#commit = commit
  }

  /** Returns whether the app stays within `quota` if it uses `more`. An inbox that exists may always receive more. */
  fits(appId: string, more: Pick<AppUsage, 'inboxes' | 'bytes'>, quota: SendRules['quota']): boolean {
    const { inboxes, bytes } = this.#of(appId)
    return (
      bytes + more.bytes <= quota.bytes && (more.inboxes === 0 || inboxes + more.inboxes <= quota.inboxes)
    )
  }

  /** Adds a difference, which is negative when messages are deleted. It is written with the next batch. */
  add(appId: string, difference: Partial<AppUsage>): void {
    const usage = this.#of(appId)
    usage.users += difference.users ?? 0
    usage.inboxes += difference.inboxes ?? 0
    usage.bytes += difference.bytes ?? 0
    usage.guests += difference.guests ?? 0
    const row = rows.usage(appId)
    this.#commit.defer(row, (batch) => batch.push(put(row, usage)))
  }

  get(appId: string): AppUsage {
    return { ...this.#of(appId) }
  }

  guestsOf(appId: string): number {
    return this.#of(appId).guests
  }

  #of(appId: string): AppUsage {
    const known = this.#apps.get(appId)
    if (known) return known
    const usage = { ...NOTHING, ...(read(this.#store, rows.usage(appId)) as AppUsage | undefined) }
    this.#apps.set(appId, usage)
    return usage
  }
}
