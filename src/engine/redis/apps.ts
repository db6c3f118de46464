import type { AppOptions, Retention, WebhookOptions } from '../engine.js'

/** The options of apps, as far as this node knows them. */
export class Apps {
  readonly #retentions = new Map<string, Retention>()
  readonly #webhooks = new Map<string, WebhookOptions>()

  set(appId: string, { retention, webhooks }: AppOptions): void {
    this.#retentions.set(appId, retention)
    if (webhooks) this.#webhooks.set(appId, { ...webhooks, events: [...webhooks.events] })
    else this.#webhooks.delete(appId)
  }

  /** Sets an app's retention. Returns true if the greatest age of messages is new to this node. */
  retain(appId: string, retention: Retention): boolean {
    const known = this.#retentions.get(appId)
    this.#retentions.set(appId, retention)
    return known?.age !== retention.age
  }

  /** Returns the app's retention; undefined if this node does not know it. */
  retentionOf(appId: string): Retention | undefined {
    return this.#retentions.get(appId)
  }

  retentions(): Iterable<[appId: string, retention: Retention]> {
    return this.#retentions
  }

  webhooksOf(appId: string): WebhookOptions | null {
    return this.#webhooks.get(appId) ?? null
  }
}
