import { withTimeout } from '../../../util/with-timeout.js'
import type { ServerConnection } from './server-connection.js'
import { ConnectionFailure } from './failures.js'
import { Link, type Connect } from './link.js'
import { addressText, type Address } from './options.js'
import { SLOTS } from './key-slot.js'
import type { Directory, Shard, Topology } from './topology.js'

/** Milliseconds in which a server must say which masters there are. After that the client asks the next server. */
const READ_TIMEOUT = 1_000

const ignore = (): void => undefined

/**
 * Milliseconds for which a server that is no longer a master may answer the calls that it has. If the old master of a planned failover has
 * stored a message, this client should learn it.
 */
const LAST_REPLY_TIME = 500

/** A master with its two links. */
export interface Server {
  readonly address: Address
  readonly commands: Link
  readonly subscriber: Link
}

export interface ServersEvents {
  /** A connection is lost, a slot has moved, or a server is no longer a master. */
  onChange: () => void
  onMessage: (channel: string, message: string) => void
}

const noReply = (): Error => new ConnectionFailure('no reply in time')

const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)

/**
 * The masters, and which of them serves which slot. This class treats a single server, the master that Sentinels name, and the masters of a
 * cluster alike.
 *
 * This class replaces the Sentinel support of ioredis. ioredis asks a Sentinel only when it connects. With its option `failoverDetector` it
 * also listens to all Sentinels. Then, after a failover on demand, the notice of each Sentinel closes the connections once more, and calls
 * fail.
 */
export class Servers {
  readonly #topology: Topology
  readonly #connect: Connect
  readonly #connectSeed: Connect
  readonly #events: ServersEvents
  readonly #servers = new Map<string, Server>()
  readonly #bySlot: (Server | undefined)[] = new Array<Server | undefined>(SLOTS)
  /**
   * The connection to the seed (an address from the options) that is being asked, or to the Sentinel that answered last. A master of a
   * cluster is asked through its own link.
   */
  #seed: ServerConnection | undefined
  #refreshing: Promise<void> | undefined
  #isClosed = false

  constructor(topology: Topology, connect: Connect, connectSeed: Connect, events: ServersEvents) {
    this.#topology = topology
    this.#connect = connect
    this.#connectSeed = connectSeed
    this.#events = events
  }

  get all(): Server[] {
    return [...this.#servers.values()]
  }

  ofSlot(slot: number): Server {
    const server = this.#bySlot[slot]
    if (!server) throw new ConnectionFailure('no master is known for this key')
    return server
  }

  /** Returns the server at an address, for example one that MOVED or ASK names. The next refresh drops a server that is not a master. */
  at(address: Address): Server {
    const name = addressText(address)
    const known = this.#servers.get(name)
    if (known) return known
    const { onChange, onMessage } = this.#events
    const made = {
      address,
      commands: new Link(address, this.#connect, { onClose: onChange }),
      subscriber: new Link(address, this.#connect, { onClose: onChange, onMoved: onChange, onMessage }),
    }
    this.#servers.set(name, made)
    return made
  }

  /** Notes that another server serves the slot, as a reply MOVED says. */
  move(slot: number, to: Address): void {
    this.#bySlot[slot] = this.at(to)
    this.#events.onChange()
  }

  /**
   * Reads again which masters there are. Simultaneous calls share one reading. Rejects if no server answers. Asks first the Sentinel that
   * answered last; with `elsewhere`, any Sentinel, because perhaps the master that this Sentinel named does not work.
   */
  refresh({ elsewhere = false } = {}): Promise<void> {
    if (elsewhere && !this.#refreshing) this.#closeSeed()
    this.#refreshing ??= this.#read()
      .then((shards) => this.#apply(shards))
      .finally(() => (this.#refreshing = undefined))
    return this.#refreshing
  }

  /** Must be called at regular intervals. */
  check(): void {
    this.#seed?.check()
    for (const { commands, subscriber } of this.#servers.values()) {
      commands.check()
      subscriber.check()
      // This reconnects before a call needs the connection. If it fails, the link keeps the error for the calls.
      if (!commands.open) commands.connection().catch(ignore)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#closeSeed()
    for (const { commands, subscriber } of this.#servers.values()) {
      commands.close()
      subscriber.close()
    }
  }

  async #read(): Promise<readonly Shard[]> {
    const topology = this.#topology
    if (!('seeds' in topology)) return topology
    let failure: unknown
    for (const connecting of this.#connectToNext(topology))
      try {
        const shards = connecting.then((connection) =>
          topology.read(connection.address, (command, args) => connection.call(command, args)),
        )
        const found = await withTimeout(shards, READ_TIMEOUT, noReply)
        if (topology.seedsAreServers) this.#closeSeed()
        return found
      } catch (error) {
        failure = error
        this.#closeSeed()
      }
    throw failure
  }

  /** Connects to one after the other of those that know the masters. */
  *#connectToNext({ seeds, seedsAreServers }: Directory): Generator<Promise<ServerConnection>> {
    const last = this.#seed
    if (last) yield last.opened
    if (seedsAreServers) for (const { commands } of shuffled(this.all)) yield commands.connection()
    for (const address of shuffled(seeds.filter((each) => each !== last?.address))) {
      this.#seed = this.#connectSeed(address, { onClose: ignore })
      yield this.#seed.opened
    }
  }

  #closeSeed(): void {
    this.#seed?.close()
    this.#seed = undefined
  }

  #apply(shards: readonly Shard[]): void {
    if (this.#isClosed) return this.#closeSeed()
    this.#bySlot.fill(undefined)
    const masters = new Set<string>()
    for (const { master, ranges } of shards) {
      masters.add(addressText(master))
      const server = this.at(master)
      for (const [from, to] of ranges) this.#bySlot.fill(server, from, to + 1)
    }
    for (const [name, server] of this.#servers)
      if (!masters.has(name)) {
        this.#servers.delete(name)
        server.subscriber.close()
        setTimeout(() => server.commands.close(), LAST_REPLY_TIME).unref()
        this.#events.onChange()
      }
  }
}
