import type { Engine } from '../../../src/engine/engine.js'
import type { RedisClient } from '../../../src/engine/redis/client/port.js'
import { FEW_PARTITIONS } from '../../support/redis/engines.js'
import type { SimulatedClient } from '../../support/redis/simulated/client.js'
import { SimulatedClusterClient } from '../../support/redis/simulated/cluster.js'
import type { SimulatedServer } from '../../support/redis/simulated/server.js'
import type { Medium, Modules, ProcessModules } from './site.js'
import type { Owner } from './timers.js'
import type { World } from './world.js'

const SECOND = 1_000
/** Milliseconds that a call takes one way, and the share of the calls that lose the connection, while nothing is wrong. */
const GOOD = { delay: [0, 2], losses: 0 } as const
/** Milliseconds for which gateways remember what they have done, and in which they say what they know of a new history. */
const REMEMBERED = 32 * SECOND
const SETTLING = 8 * SECOND

/** Another history of the data: it has what Redis had at `copiedAt`, and began at `at`. Both by `Date.now`. */
export interface History {
  copiedAt: number
  at: number
}

/**
 * In a cluster the sweep makes a call for each partition. With still fewer, the gateways that have crashed within the time of a lease could
 * leave a master unswept.
 */
const PARTITIONS_OF_CLUSTER = 32

/** A simulated Redis that three gateways share, of one server or a cluster of three, and what goes wrong with it. */
export class SharedRedis implements Medium {
  readonly nodes = 3
  /** The histories after the first one. */
  readonly histories: History[] = []
  readonly #world: World
  readonly #modules: Modules
  readonly #servers: readonly [SimulatedServer, ...SimulatedServer[]]
  readonly #clients = new Map<Owner, SimulatedClient[]>()
  #way: { delay: readonly [number, number]; losses: number } = GOOD
  /** How many faults go on. */
  #faults = 0
  /** When a gateway began or ended or stood still, or a fault began or ended, which may keep gateways from saying what they know. */
  readonly #troubles: number[] = []

  constructor(world: World, modules: Modules, isCluster: boolean) {
    this.#world = world
    this.#modules = modules
    const server = (): SimulatedServer => new modules.SimulatedServer(() => Date.now())
    this.#servers = isCluster ? [server(), server(), server()] : [server()]
  }

  get isWell(): boolean {
    return this.#faults === 0
  }

  engineFor(owner: Owner, modules: ProcessModules, onError: (cause: unknown) => void): Engine {
    this.noteTrouble()
    const [first, ...others] = this.#servers
    const clientOf = (server: SimulatedServer): SimulatedClient => this.#clientOf(owner, server)
    const client = (): RedisClient =>
      others.length > 0 ? new SimulatedClusterClient(this.#servers.map(clientOf)) : clientOf(first)
    const partitionCount = others.length > 0 ? PARTITIONS_OF_CLUSTER : FEW_PARTITIONS
    return modules.createSharedEngine({ client, partitionCount, onError })
  }

  crash(_kind: 'power' | 'process', owner: Owner): void {
    for (const client of this.#clients.get(owner) ?? []) client.disconnect()
  }

  noteTrouble(): void {
    this.#troubles.push(Date.now())
  }

  /** Returns whether a history may have cost clients something: a gateway did not say in time what it knew. */
  get mayHaveLost(): boolean {
    return this.histories.some(({ copiedAt, at }) =>
      this.#troubles.some((trouble) => trouble > copiedAt - REMEMBERED && trouble < at + SETTLING),
    )
  }

  /** Returns whether a history lacked anything at its begin. */
  get hasForgotten(): boolean {
    return this.histories.some(({ copiedAt, at }) => copiedAt < at)
  }

  /** Begins a fault, which ends by itself, and returns its name. */
  fail(onEnd: () => void, crash: () => void): string {
    const { random } = this.#world
    const fault = random.pick([
      'late',
      'lossy',
      'away',
      'restart',
      'failover',
      'failover',
      'failover',
    ] as const)
    const end = (): void => {
      this.#faults--
      if (fault === 'late' || fault === 'lossy') this.#way = GOOD
      if (fault !== 'failover') this.noteTrouble()
      onEnd()
    }
    this.#faults++
    if (fault !== 'failover') this.noteTrouble()
    if (fault === 'late') this.#way = { ...GOOD, delay: [random.between(1, 200), random.between(200, 3_000)] }
    if (fault === 'lossy') this.#way = { ...GOOD, losses: random.pick([0.01, 0.1, 0.3]) }
    const server = random.any(this.#servers) ?? this.#servers[0]
    if (fault === 'failover') {
      const [copy, copiedAt] = [server.save(), Date.now()]
      const lag = random.between(0, 800)
      if (random.chance(0.3)) this.#world.after(random.between(0, lag), crash)
      this.#world.after(lag, () => {
        server.restore(copy)
        this.histories.push({ copiedAt, at: Date.now() })
        end()
      })
    } else if (fault === 'away' || fault === 'restart') {
      server.stop()
      this.#world.after(fault === 'away' ? random.between(SECOND, 20 * SECOND) : 1, () => {
        if (!server.isRunning) server.start()
        this.histories.push({ copiedAt: Date.now(), at: Date.now() })
        end()
      })
    } else this.#world.after(random.between(10, 10 * SECOND), end)
    return fault
  }

  goOn(): void {
    // Each fault ends by itself, within seconds.
  }

  #clientOf(owner: Owner, server: SimulatedServer): SimulatedClient {
    const { random } = this.#world
    let last = 0
    const client = this.#modules.simulatedClient(server, {
      isCluster: this.#servers.length > 1,
      lossOf: () => (random.chance(this.#way.losses) ? random.pick(['request', 'reply', 'late']) : undefined),
      delay: (arrive) => {
        const [from, to] = this.#way.delay
        const at = Math.max(last, this.#world.now() + from + random.next() * (to - from))
        last = at
        // The process may be paused, and then sets this timer when it goes on.
        this.#world.as(owner, () => setTimeout(arrive, Math.max(0, at - this.#world.now())))
      },
    })
    // The server calls these.
    for (const name of ['onStopped', 'onStarted'] as const) {
      const call = client[name].bind(client)
      client[name] = () => {
        this.#world.as(owner, call)
      }
    }
    this.#clients.set(owner, [...(this.#clients.get(owner) ?? []), client])
    return client
  }
}
