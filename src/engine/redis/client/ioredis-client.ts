import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../../errors.js'
import type { ClientEvents, Library, RedisClient, Reply, Script, ScriptInput, ServerInfo } from './port.js'
import { Calls, type Call } from './calls.js'
import { ServerConnection } from './server-connection.js'
import { GatheredCalls } from './gathered-calls.js'
import { slotOfKey } from './key-slot.js'
import type { Connect } from './link.js'
import { loadIORedis } from './load-ioredis.js'
import { connectionOptions, type RedisClientOptions, type ServerOptions } from './options.js'
import { readServerInfo } from './server-info.js'
import { runScript } from './run-script.js'
import { Servers } from './servers.js'
import { Subscriptions } from './subscriptions.js'
import { topologyOf } from './topology.js'

/** Milliseconds between checks of all connections. */
const CHECK_INTERVAL = 500

/**
 * While no connection is lost, the client reads which masters there are each time that this many checks have passed. With Sentinels it does
 * so at every check: after a failover the old master accepts writes until it becomes a replica, and then loses these writes. In a cluster
 * the old master refuses such writes by itself.
 */
const CHECKS_PER_REFRESH = { single: 4, sentinel: 1, cluster: 4 }

/** About how many keys a server looks at for one page. */
const KEYS_PER_SCAN = 1_000

/** Milliseconds that `close` waits for replies. */
const CLOSE_TIMEOUT = 2_000

interface Opened {
  readonly servers: Servers
  readonly subscriptions: Subscriptions
  readonly gathered: GatheredCalls
  readonly events: ClientEvents
  readonly timer: NodeJS.Timeout
}

/**
 * A client of one server, of the master that Sentinels name, or of a cluster. It uses one class of ioredis: `Redis`, a single connection.
 * ARCHITECTURE.md says why, and bench/README.md compares it with the rest of ioredis.
 *
 * Each master has one connection for commands and one for subscriptions, and both are pinged. If a connection is lost, its calls are
 * rejected, and a new connection does not take them over.
 */
export class IORedisClient implements RedisClient {
  readonly isCluster: boolean
  readonly #options: RedisClientOptions
  readonly #calls = new Calls()
  #opened: Opened | undefined
  #checks = 0

  constructor(options: RedisClientOptions) {
    this.#options = options
    this.isCluster = options.type === 'cluster'
  }

  async open(events: ClientEvents): Promise<void> {
    if (this.#opened) return
    const IORedisClass = await loadIORedis()
    const [own, ofSeeds] = connectionOptions(this.#options)
    const connectWith =
      (options: ServerOptions): Connect =>
      (address, its) =>
        new ServerConnection(IORedisClass, address, options, its)
    const servers = new Servers(topologyOf(this.#options), connectWith(own), connectWith(ofSeeds), {
      onChange: () => this.#recover(),
      onMessage: events.onMessage,
    })
    const subscriptions = new Subscriptions(servers, this.isCluster, events)
    const timer = setInterval(() => this.#check(servers, subscriptions), CHECK_INTERVAL)
    const gathered = new GatheredCalls((...args) => this.#runNow(...args))
    this.#opened = { servers, subscriptions, gathered, events, timer }
    try {
      await this.#calls.add('open', async () => {
        await servers.refresh()
        await Promise.all(servers.all.map(({ commands }) => commands.connection()))
      })
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    if (!opened) return
    opened.gathered.flush()
    this.#opened = undefined
    // The client unsubscribes, so that no server counts it as a receiver of what is published after `close` has resolved.
    this.#calls.add('unsubscribe', () => opened.subscriptions.end()).catch(opened.events.onError)
    await this.#calls.idle(CLOSE_TIMEOUT)
    clearInterval(opened.timer)
    opened.servers.close()
    this.#calls.rejectAll(new EngineError('unavailable', 'The connection to Redis is closed.'))
  }

  run(script: Script, input: ScriptInput, onRepeat?: () => void): Promise<Reply> {
    return this.#calls.add(script.name, (call) => {
      call.onRepeat = onRepeat
      const { gathered } = this.#get()
      if (!this.isCluster && gathered.accepts(script, input)) return gathered.add(script, input, call)
      gathered.flush()
      return this.#runNow(script, input, call)
    })
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#calls.add('subscribe', async (call) => {
      const { subscriptions, servers } = this.#get()
      subscriptions.add(channels)
      await this.#untilSubscribed(subscriptions, servers, call)
    })
  }

  ofEachServer(keys: readonly string[]): string[] {
    const { servers } = this.#get()
    const first = new Map<unknown, string>()
    for (const key of keys) {
      const server = servers.ofSlot(this.isCluster ? slotOfKey(key) : 0)
      if (!first.has(server)) first.set(server, key)
    }
    return [...first.values()]
  }

  async *keys(start: string): AsyncGenerator<string[]> {
    const pattern = `${start.replaceAll(/[\\*?[\]]/g, '\\$&')}*`
    for (const { commands } of this.#get().servers.all) {
      let cursor = '0'
      do {
        const args = [cursor, 'match', pattern, 'count', KEYS_PER_SCAN]
        const reply = await this.#calls.add('scan', async () =>
          (await commands.connection()).call('scan', args),
        )
        const [next, names] = reply as [string, string[]]
        cursor = next
        if (names.length > 0) yield names
      } while (cursor !== '0')
    }
  }

  async keepOneLibrary(start: string, kept: Library): Promise<void> {
    await this.#calls.add('function', async () => {
      for (const { commands } of this.#get().servers.all) {
        const connection = await commands.connection()
        // For each library the reply has a list of names and values. The library's name is the first value.
        const libraries = (await connection.call('function', [
          'list',
          'libraryname',
          `${start}*`,
        ])) as string[][]
        for (const [, name = ''] of libraries)
          if (name !== kept.name)
            await connection.call('function', ['delete', name]).catch((error: unknown) => {
              // Another gateway has deleted the library meanwhile.
              if ((error as Error).message !== 'ERR Library not found') throw error
            })
      }
    })
  }

  async info(): Promise<ServerInfo[]> {
    return this.#calls.add('info', async () => {
      const { servers } = this.#get()
      return Promise.all(servers.all.map(async ({ commands }) => readServerInfo(await commands.connection())))
    })
  }

  /** Rejects instead of throwing, because gathered calls may be sent after the client was closed. */
  async #runNow(script: Script, input: ScriptInput, call: Call): Promise<Reply> {
    const slot = this.isCluster ? slotOfKey(input.keys[0] ?? '') : 0
    return runScript(this.#get().servers, script, slot, input, call)
  }

  #get(): Opened {
    if (!this.#opened) throw new EngineError('unavailable', 'The connection to Redis is closed.')
    return this.#opened
  }

  async #untilSubscribed(subscriptions: Subscriptions, servers: Servers, call: Call): Promise<void> {
    for (;;) {
      await subscriptions.update()
      if (subscriptions.areComplete || call.isOver()) return
      subscriptions.assertAllowed()
      await sleep(100)
      await servers.refresh()
    }
  }

  #check(servers: Servers, subscriptions: Subscriptions): void {
    this.#calls.check()
    servers.check()
    this.#checks += 1
    const isWhole = subscriptions.areComplete && servers.all.every(({ commands }) => commands.open)
    if (!isWhole) this.#recover()
    else if (this.#checks % CHECKS_PER_REFRESH[this.#options.type] === 0) this.#recover({ elsewhere: false })
  }

  /** Reads again which masters there are, and subscribes the missing channels. */
  #recover(options = { elsewhere: true }): void {
    const opened = this.#opened
    if (!opened) return
    const { servers, subscriptions, events } = opened
    servers.refresh(options).then(() => subscriptions.update(), events.onError)
  }
}
