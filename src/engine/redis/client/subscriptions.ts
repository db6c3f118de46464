import type { ServerConnection } from './server-connection.js'
import { isForbidden } from './failures.js'
import { slotOfKey } from './key-slot.js'
import type { Server, Servers } from './servers.js'

interface Channel {
  readonly name: string
  readonly slot: number
  /** Whether a server has confirmed the subscription. Only a confirmed subscription can be lost. */
  wasSubscribed: boolean
}

export interface SubscriptionsEvents {
  /** Called when lost subscriptions were made again. */
  onResubscribed: () => void
  onError: (error: unknown) => void
}

/**
 * Keeps channels subscribed at the masters that serve them. `update` compares the wanted channels with those that each connection has, so
 * the same code makes the first subscriptions, and those after a lost connection or after slots have moved.
 *
 * `onResubscribed` says that the servers have confirmed all lost subscriptions. Then the engine looks for what it missed. ioredis does not
 * say when servers have confirmed, even with its option `shardedSubscribers`: its event `subscribersReady` comes earlier. And if a server
 * refuses a channel to which ioredis subscribes again, ioredis reports no error.
 */
export class Subscriptions {
  readonly #servers: Servers
  readonly #isCluster: boolean
  readonly #events: SubscriptionsEvents
  readonly #channels = new Map<string, Channel>()
  #updating: Promise<void> | undefined
  #isDirty = false
  /** Whether a lost subscription is made again, and others were still missing since then. */
  #isLossUnreported = false
  /** The reply NOPERM of the latest update. Further attempts fail too, until the ACL changes. */
  #refusal: Error | undefined

  constructor(servers: Servers, isCluster: boolean, events: SubscriptionsEvents) {
    this.#servers = servers
    this.#isCluster = isCluster
    this.#events = events
  }

  add(names: readonly string[]): void {
    for (const name of names)
      if (!this.#channels.has(name))
        this.#channels.set(name, { name, slot: slotOfKey(name), wasSubscribed: false })
  }

  /** Throws if the ACL forbids a channel. */
  assertAllowed(): void {
    if (this.#refusal) throw this.#refusal
  }

  /** Whether every channel is subscribed at its master. */
  get areComplete(): boolean {
    try {
      for (const { name, slot } of this.#channels.values())
        if (!this.#servers.ofSlot(slot).subscriber.open?.channels.has(name)) return false
      return true
    } catch {
      // No master serves this slot.
      return false
    }
  }

  /**
   * Called when a server has ended a subscription. ioredis does not say which one, so `update` subscribes all channels of this connection
   * again.
   */
  forget(connection: ServerConnection): void {
    connection.channels.clear()
  }

  /** Subscribes the missing channels. Resolves when each server has answered or failed. Never rejects. */
  async update(): Promise<void> {
    this.#isDirty = true
    this.#updating ??= this.#run().finally(() => (this.#updating = undefined))
    await this.#updating
  }

  /** Ends every subscription. Resolves when each server has answered, or has lost its connection. */
  async end(): Promise<void> {
    this.#channels.clear()
    await this.#updating
    await Promise.allSettled(
      this.#servers.all.map(async ({ subscriber }) => subscriber.open?.unsubscribe(this.#isCluster)),
    )
  }

  async #run(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false
      this.#refusal = undefined
      const found = await Promise.all(
        [...this.#byServer()].map(([server, wanted]) => this.#fill(server, wanted)),
      )
      this.#isLossUnreported ||= found.includes(true)
    }
    if (!this.#isLossUnreported || !this.areComplete) return
    this.#isLossUnreported = false
    this.#events.onResubscribed()
  }

  #byServer(): Map<Server, Channel[]> {
    const result = new Map<Server, Channel[]>()
    for (const channel of this.#channels.values()) {
      let server
      try {
        server = this.#servers.ofSlot(channel.slot)
      } catch (error) {
        this.#events.onError(error)
        continue
      }
      const list = result.get(server)
      if (list) list.push(channel)
      else result.set(server, [channel])
    }
    return result
  }

  /** Subscribes the missing channels of one server. Resolves with whether that restored a lost subscription. */
  async #fill(server: Server, wanted: readonly Channel[]): Promise<boolean> {
    try {
      const connection = server.subscriber.open ?? (await server.subscriber.connection())
      const missing = wanted.filter(({ name }) => !connection.channels.has(name))
      if (missing.length === 0) return false
      const names = missing.map(({ name }) => name)
      // Sharded channels of one command must share a slot.
      const results = await Promise.allSettled(
        this.#isCluster
          ? names.map((name) => connection.subscribe([name], true))
          : [connection.subscribe(names, false)],
      )
      const failed = results.find((result) => result.status === 'rejected')
      if (failed) {
        if (isForbidden(failed.reason)) this.#refusal = failed.reason
        this.#events.onError(failed.reason)
      }
      let wasLost = false
      for (const channel of missing) {
        if (!connection.channels.has(channel.name)) continue
        wasLost ||= channel.wasSubscribed
        channel.wasSubscribed = true
      }
      return wasLost
    } catch (error) {
      this.#events.onError(error)
      return false
    }
  }
}
