import { isForbidden } from './failures.js'
import { slotOfKey } from './key-slot.js'
import type { ClientEvents } from './port.js'
import type { Server, Servers } from './servers.js'

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
  readonly #events: ClientEvents
  /** The wanted channels, with their slots. */
  readonly #slots = new Map<string, number>()
  #updating: Promise<void> | undefined
  #isDirty = false
  /** After the servers have confirmed all channels, a missing one makes this `lost`, until all are confirmed again. */
  #state: 'new' | 'confirmed' | 'lost' = 'new'
  /** The reply NOPERM of the latest update. Further attempts fail too, until the ACL changes. */
  #refusal: Error | undefined

  constructor(servers: Servers, isCluster: boolean, events: ClientEvents) {
    this.#servers = servers
    this.#isCluster = isCluster
    this.#events = events
  }

  add(names: readonly string[]): void {
    for (const name of names) this.#slots.set(name, slotOfKey(name))
  }

  /** Throws if the ACL forbids a channel. */
  assertAllowed(): void {
    if (this.#refusal) throw this.#refusal
  }

  /** Whether every channel is subscribed at its master. */
  get areComplete(): boolean {
    try {
      for (const [name, slot] of this.#slots)
        if (!this.#servers.ofSlot(slot).subscriber.open?.channels.has(name)) return false
      return true
    } catch {
      // No master serves this slot.
      return false
    }
  }

  /** Subscribes the missing channels. Resolves when each server has answered or failed. Never rejects. */
  async update(): Promise<void> {
    this.#isDirty = true
    this.#updating ??= this.#run().finally(() => (this.#updating = undefined))
    await this.#updating
  }

  /** Ends every subscription. Resolves when each server has answered, or has lost its connection. */
  async end(): Promise<void> {
    this.#slots.clear()
    await this.#updating
    await Promise.allSettled(
      this.#servers.all.map(async ({ subscriber }) => subscriber.open?.unsubscribe(this.#isCluster)),
    )
  }

  async #run(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false
      this.#refusal = undefined
      if (this.#state === 'confirmed' && !this.areComplete) this.#state = 'lost'
      await Promise.all([...this.#byServer()].map(([server, names]) => this.#fill(server, names)))
    }
    if (this.#slots.size === 0 || !this.areComplete) return
    if (this.#state === 'lost') this.#events.onResubscribed()
    this.#state = 'confirmed'
  }

  #byServer(): Map<Server, string[]> {
    const result = new Map<Server, string[]>()
    for (const [name, slot] of this.#slots)
      try {
        const server = this.#servers.ofSlot(slot)
        const names = result.get(server)
        if (names) names.push(name)
        else result.set(server, [name])
      } catch (error) {
        this.#events.onError(error)
      }
    return result
  }

  /** Subscribes the missing channels of one server. */
  async #fill(server: Server, names: readonly string[]): Promise<void> {
    try {
      const connection = server.subscriber.open ?? (await server.subscriber.connection())
      const missing = names.filter((name) => !connection.channels.has(name))
      if (missing.length === 0) return
      // Sharded channels of one command must share a slot.
      const commands = this.#isCluster ? missing.map((name) => [name]) : [missing]
      const results = await Promise.allSettled(
        commands.map((channels) => connection.subscribe(channels, this.#isCluster)),
      )
      const failed = results.find((result) => result.status === 'rejected')
      if (failed) throw failed.reason
    } catch (error) {
      if (isForbidden(error)) this.#refusal = error
      this.#events.onError(error)
    }
  }
}
