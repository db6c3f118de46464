import { EngineError } from '../../errors.js'
import type { Reply } from './port.js'
import { SLOTS } from './key-slot.js'
import { DEFAULT_PORT, parseRedisUrl, type Address, type RedisClientOptions } from './options.js'

/** A master, and the first and last slots of the ranges that it serves. */
export interface Shard {
  readonly master: Address
  readonly ranges: readonly (readonly [number, number])[]
}

/** Where to ask which masters there are. */
export interface Directory {
  /** Sentinels, or servers of a cluster. */
  readonly seeds: readonly Address[]
  /** Whether the seeds serve keys themselves, as the servers of a cluster do. Sentinels do not. */
  readonly seedsAreServers: boolean
  /** Asks the server at `address` which masters there are. `call` sends a command to that server. */
  read(address: Address, call: (command: string, args: string[]) => Promise<Reply>): Promise<Shard[]>
}

/** The masters that the options name, or a directory that knows them. */
export type Topology = readonly Shard[] | Directory

const EVERYTHING = [[0, SLOTS - 1]] as const

const text = (reply: Reply | undefined): string => (typeof reply === 'string' ? reply : '')
const list = (reply: Reply | undefined): Reply[] => (Array.isArray(reply) ? reply : [])

const parseSlots = (reply: Reply, answering: Address): Shard[] => {
  const shards = new Map<string, { master: Address; ranges: [number, number][] }>()
  for (const entry of list(reply)) {
    const [from, to, node] = list(entry)
    const [host, port] = list(node)
    // If a server of the cluster does not know its own address, the host is empty or null.
    const master = { host: text(host) || answering.host, port: Number(port ?? DEFAULT_PORT) }
    const name = `${master.host}:${master.port}`
    const shard = shards.get(name) ?? { master, ranges: [] }
    shards.set(name, shard)
    shard.ranges.push([Number(from), Number(to)])
  }
  return [...shards.values()]
}

export const topologyOf = (options: RedisClientOptions): Topology => {
  if (options.type === 'single') return [{ master: parseRedisUrl(options.url), ranges: EVERYTHING }]
  if (options.type === 'cluster')
    return {
      seeds: options.nodes,
      seedsAreServers: true,
      read: async (address, call) => {
        const shards = parseSlots(await call('cluster', ['slots']), address)
        if (shards.length === 0) throw new EngineError('unavailable', 'The cluster of Redis serves no slots.')
        return shards
      },
    }
  const { name, sentinels } = options
  return {
    seeds: sentinels,
    seedsAreServers: false,
    read: async (_, call) => {
      const [host, port] = list(await call('sentinel', ['get-master-addr-by-name', name]))
      if (typeof host !== 'string')
        throw new EngineError('unavailable', `The Sentinel does not know a master "${name}".`)
      return [{ master: { host, port: Number(port) }, ranges: EVERYTHING }]
    },
  }
}
