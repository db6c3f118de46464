import type {
  ClientEvents,
  RedisClient,
  Reply,
  Script,
  ScriptInput,
  ServerInfo,
} from '../../../../src/engine/redis/client/port.js'
import { slotOfKey } from '../../../../src/engine/redis/client/key-slot.js'
import type { SimulatedClient } from './client.js'

/** A client of a cluster: a client of each of its servers, which have the slots in turn. */
export class SimulatedClusterClient implements RedisClient {
  readonly isCluster = true
  readonly #clients: readonly SimulatedClient[]

  constructor(clients: readonly SimulatedClient[]) {
    this.#clients = clients
  }

  async open(events: ClientEvents): Promise<void> {
    const opened = await Promise.allSettled(this.#clients.map((client) => client.open(events)))
    const failed = opened.find((each) => each.status === 'rejected')
    if (!failed) return
    await this.close()
    throw failed.reason
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
  }

  disconnect(): void {
    for (const client of this.#clients) client.disconnect()
  }

  run(script: Script, input: ScriptInput, onRepeat?: () => void): Promise<Reply> {
    const [key] = input.keys
    if (key === undefined) throw new Error(`The script ${script.name} names no key, which a cluster needs.`)
    return this.#of(key).run(script, input, onRepeat)
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await Promise.all(
      this.#clients.map((client) => client.subscribe(channels.filter((name) => this.#of(name) === client))),
    )
  }

  ofEachServer(keys: readonly string[]): string[] {
    return this.#clients.flatMap((client) => keys.find((key) => this.#of(key) === client) ?? [])
  }

  async *keys(start: string): AsyncIterable<string[]> {
    for (const client of this.#clients) yield* client.keys(start)
  }

  async keepOneLibrary(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.keepOneLibrary()))
  }

  async info(): Promise<ServerInfo[]> {
    return (await Promise.all(this.#clients.map((client) => client.info()))).flat()
  }

  #of(name: string): SimulatedClient {
    const client = this.#clients[slotOfKey(name) % this.#clients.length]
    if (!client) throw new Error('A cluster has at least one server.')
    return client
  }
}
