import type { AppOptions, Retention, WebhookOptions } from '../engine.js'

/**
 * The options of the apps that are in use: those in the config of this node, and those in the configs of others, for which this node sweeps.
 * An app that is in no config any more is not among them, so that nothing is done for it.
 */
export class Apps {
  readonly #webhooks = new Map<string, WebhookOptions | null>()
  readonly #retentions = new Map<string, Retention>()
  #others = new Map<string, AppOptions>()
  #removed = new Set<string>()

  /** Returns the apps in this node's config. */
  configured(): [appId: string, options: AppOptions][] {
    return [...this.#webhooks].flatMap(([appId, webhooks]): [string, AppOptions][] => {
      const retention = this.#retentions.get(appId)
      return retention ? [[appId, { retention, webhooks }]] : []
    })
  }

  /** Called with the options of an app in this node's config. */
  configure(appId: string, { retention, webhooks }: AppOptions): void {
    this.retain(appId, retention)
    this.#webhooks.set(appId, webhooks && { ...webhooks, events: [...webhooks.events] })
  }

  retain(appId: string, retention: Retention): void {
    this.#retentions.set(appId, retention)
  }

  /** Called with the apps that are in the config of some node, and with those that are in none any more. */
  setOthers(others: Map<string, AppOptions>, removed: Set<string>): void {
    this.#others = others
    this.#removed = removed
  }

  isRemoved(appId: string): boolean {
    return this.#removed.has(appId) && !this.#webhooks.has(appId) && !this.#retentions.has(appId)
  }

  /** Returns the app's retention; undefined if this node does not know it. */
  retentionOf(appId: string): Retention | undefined {
    return this.#retentions.get(appId) ?? this.#others.get(appId)?.retention
  }

  retentions(): Iterable<[appId: string, retention: Retention]> {
    const others = [...this.#others].map(([appId, { retention }]): [string, Retention] => [appId, retention])
    return new Map([...others, ...this.#retentions])
  }

  /** Returns which webhook events of an app are kept; null if none are. */
  webhooksOf(appId: string): WebhookOptions | null {
    const own = this.#webhooks.get(appId)
    return own === undefined ? (this.#others.get(appId)?.webhooks ?? null) : own
  }
}
