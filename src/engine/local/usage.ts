import type { Commit } from './group-commit.js'
import type { SendRules } from '../engine.js'
import { put, read, rows, type Store } from './store.js'

/** What an app takes up: inboxes that ever held something, and the bytes of the messages that are still stored. */
export interface Taken {
  inboxes: number
  bytes: number
}

/** What apps take up, counted together with what is written, so that the counts are right whenever a process ends. */
export class Usage {
  readonly #store: Store
  readonly #commit: Commit
  readonly #apps = new Map<string, Taken>()

  constructor(store: Store, commit: Commit) {
    this.#store = store
    this.#commit = commit
  }

  fits(appId: string, more: Taken, quota: SendRules['quota']): boolean {
    const { inboxes, bytes } = this.#of(appId)
    return (
      bytes + more.bytes <= quota.bytes && (more.inboxes === 0 || inboxes + more.inboxes <= quota.inboxes)
    )
  }

  /** Written with the batch that is gathered now; what is less is negative. */
  add(appId: string, more: Taken): void {
    const taken = this.#of(appId)
    taken.inboxes += more.inboxes
    taken.bytes += more.bytes
    const row = rows.usage(appId)
    this.#commit.later(row, (batch) => batch.push(put(row, taken)))
  }

  #of(appId: string): Taken {
    const known = this.#apps.get(appId)
    if (known) return known
    const taken = (read(this.#store, rows.usage(appId)) as Taken | undefined) ?? { inboxes: 0, bytes: 0 }
    this.#apps.set(appId, taken)
    return taken
  }
}
