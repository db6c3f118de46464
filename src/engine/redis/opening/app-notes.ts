import type { AppOptions } from '../../engine.js'
import type { Apps } from '../apps.js'
import type { Leases } from '../nodes/leases.js'
import type { Quotas } from '../quotas.js'
import type { StepRunner } from '../step-runner.js'
import type { UnreadSearch } from '../webhooks/unread-search.js'
import type { Webhooks } from '../webhooks/webhooks.js'

/**
 * An app that no node has told of for so many milliseconds counts as removed. This time is longer than a gateway takes to start again.
 */
const APP_IN_USE = 600_000

export interface AppNotesOptions {
  runner: StepRunner
  apps: Apps
  quotas: Quotas
  webhooks: Webhooks
  unreadSearch: UnreadSearch
  leases: Leases
}

/** Tells the other nodes which apps are in this node's config, and with which options. */
export class AppNotes {
  readonly #options: AppNotesOptions

  constructor(options: AppNotesOptions) {
    this.#options = options
  }

  async configure(appId: string, options: AppOptions): Promise<void> {
    const { apps, webhooks, leases, quotas } = this.#options
    apps.configure(appId, options)
    await this.#store(appId, options)
    if (!options.webhooks) return webhooks.leave(appId)
    await webhooks.resume(appId, leases.isAlone)
    // In a cluster this call reads how many webhook events are pending, so that the app's limits apply from now on.
    await quotas.others(appId, 0)
  }

  /** Stores the options of this node's apps again. */
  async storeAll(): Promise<void> {
    for (const [appId, options] of this.#options.apps.configured()) await this.#store(appId, options)
  }

  /** Tells the other nodes which apps are in this node's config, and learns which are in theirs. */
  async touch(): Promise<void> {
    const { runner, apps } = this.#options
    const appIds = apps.configured().map(([appId]) => appId)
    const found = await runner.onPartition(runner.steps.touchApps, 0, [APP_IN_USE, ...appIds])
    const [others, removed] = [new Map<string, AppOptions>(), new Set<string>()]
    for (const [id, options, isInUse] of found)
      if (isInUse === 1) others.set(id, JSON.parse(options) as AppOptions)
      else removed.add(id)
    apps.setOthers(others, removed)
  }

  async #store(appId: string, options: AppOptions): Promise<void> {
    const { runner, unreadSearch } = this.#options
    const unreadAfter = options.webhooks?.events.includes('message.unread')
      ? options.webhooks.unreadAfter
      : undefined
    const args = [JSON.stringify(options), unreadAfter !== undefined] as const
    const [isUnsearched] = await runner.inPartition(runner.steps.configure, 0, { appId, userId: '' }, args)
    if (isUnsearched === 1 && unreadAfter !== undefined) unreadSearch.begin(appId, unreadAfter)
    else unreadSearch.end(appId)
  }
}
