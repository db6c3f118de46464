import { freePort } from '../network/free-port.js'
import { until } from '../until.js'
import { runProgram } from './programs.js'
import { redisServer, type RedisServer, type ServerOptions, type Settings } from './server.js'

/** A line of CLUSTER NODES. */
export interface ClusterNode {
  readonly id: string
  readonly server: RedisServer
  readonly isMaster: boolean
  /** The id of its master, for a replica. */
  readonly masterId: string | undefined
  readonly failed: boolean
  /** First and last slots of the ranges that it serves. */
  readonly ranges: readonly (readonly [number, number])[]
}

export interface ClusterSetup {
  readonly servers: readonly RedisServer[]
  /** The nodes as `server` knows them. By default the first server that runs is asked. */
  nodes(server?: RedisServer): Promise<ClusterNode[]>
  /** The masters that serve slots, in the order of their slots. */
  masters(): Promise<ClusterNode[]>
  /** The master that serves a slot. */
  masterOf(slot: number): Promise<ClusterNode>
  /** Has a replica take the place of its master. Resolves when all nodes know. */
  failover(master: ClusterNode, how?: 'force' | 'takeover'): Promise<void>
  /** Moves slots and their keys, one slot after the other. Resolves when all nodes know. */
  moveSlots(slots: readonly number[], to: ClusterNode): Promise<void>
  /** Begins to move one slot: the source answers ASK for keys that it does not have, until `finish`. */
  beginMove(slot: number, to: ClusterNode): Promise<{ moveKeys(): Promise<void>; finish(): Promise<void> }>
  /** Resolves when all running nodes agree and serve all slots. */
  settled(): Promise<void>
}

/** Milliseconds after which a master that does not answer has failed. */
const NODE_TIMEOUT = 2000

const clusterSettings = async (): Promise<Settings> => ({
  'cluster-enabled': 'yes',
  'cluster-config-file': 'nodes.conf',
  'cluster-node-timeout': NODE_TIMEOUT,
  'cluster-replica-validity-factor': 0,
  // The default of ten thousand more than the port may be an ephemeral port of another process.
  'cluster-port': await freePort(),
})

const parseNode = (line: string, servers: readonly RedisServer[]): ClusterNode | undefined => {
  const [id = '', address = '', flags = '', masterId = '-', , , , , ...slots] = line.split(' ')
  const port = Number(/:(\d+)@/.exec(address)?.[1])
  const server = servers.find((candidate) => candidate.port === port)
  if (!server) return undefined
  return {
    id,
    server,
    isMaster: flags.includes('master'),
    masterId: masterId === '-' ? undefined : masterId,
    failed: /\bfail\b/.test(flags),
    ranges: slots
      .filter((slot) => !slot.startsWith('['))
      .map((range) => {
        const [from, to = from] = range.split('-').map(Number)
        return [from ?? 0, to ?? 0] as const
      }),
  }
}

/** Starts a cluster of three masters, each with one replica. */
export const startCluster = async (options: ServerOptions = {}): Promise<ClusterSetup> => {
  const servers: RedisServer[] = []
  for (let count = 0; count < 6; count++)
    servers.push(
      await redisServer({ ...options, settings: { ...(await clusterSettings()), ...options.settings } }),
    )
  await Promise.all(servers.map((server) => server.start()))
  const { password } = options
  await runProgram('redis-cli', [
    ...(servers[0]?.tlsOptions ?? []),
    ...(password === undefined ? [] : ['--no-auth-warning', '-a', password]),
    '--cluster',
    'create',
    ...servers.map(({ port }) => `127.0.0.1:${port}`),
    ...['--cluster-replicas', '1', '--cluster-yes'],
  ])

  const running = async (): Promise<RedisServer[]> => {
    const answers = await Promise.all(
      servers
        .filter((server) => server.isRunning())
        .map((server) =>
          server.command('ping').then(
            () => server,
            () => undefined,
          ),
        ),
    )
    return answers.filter((server) => server !== undefined)
  }
  const nodes: ClusterSetup['nodes'] = async (server) => {
    const asked = server ?? (await running())[0]
    if (!asked) throw new Error('No server of the cluster runs.')
    return (await asked.command('cluster', 'nodes'))
      .split('\n')
      .map((line) => parseNode(line, servers))
      .filter((node) => node !== undefined)
  }
  const serving = (all: readonly ClusterNode[]): ClusterNode[] =>
    all
      .filter(({ isMaster, failed, ranges }) => isMaster && !failed && ranges.length > 0)
      .sort((a, b) => (a.ranges[0]?.[0] ?? 0) - (b.ranges[0]?.[0] ?? 0))
  const masters = async (): Promise<ClusterNode[]> => serving(await nodes())
  const owns = ({ ranges }: ClusterNode, slot: number): boolean =>
    ranges.some(([from, to]) => from <= slot && slot <= to)
  const masterOf: ClusterSetup['masterOf'] = async (slot) => {
    const found = (await masters()).find((node) => owns(node, slot))
    if (!found) throw new Error(`No master serves slot ${slot}.`)
    return found
  }

  const settled = async (): Promise<void> => {
    await until('the nodes of the cluster agree', async () => {
      const maps = await Promise.all(
        (await running()).map(async (server) => {
          const all = await nodes(server)
          const state = await server.command('cluster', 'info')
          const replicas = await server.command('info', 'replication')
          if (!state.includes('cluster_state:ok') || replicas.includes('master_link_status:down'))
            return undefined
          return JSON.stringify(serving(all).map(({ id, ranges }) => [id, ranges]))
        }),
      )
      return maps.length > 0 && maps[0] !== undefined && maps.every((map) => map === maps[0])
    })
  }

  const beginMove: ClusterSetup['beginMove'] = async (slot, to) => {
    const from = await masterOf(slot)
    await to.server.command('cluster', 'setslot', slot, 'importing', from.id)
    await from.server.command('cluster', 'setslot', slot, 'migrating', to.id)
    const moveKeys = async (): Promise<void> => {
      for (;;) {
        const keys = (await from.server.command('cluster', 'getkeysinslot', slot, 100)).split('\n')
        if (keys[0] === '') return
        await from.server.command(
          ...['migrate', '127.0.0.1', to.server.port, '', 0, 10_000],
          ...(password === undefined ? [] : ['auth', password]),
          'keys',
          ...keys,
        )
      }
    }
    return {
      moveKeys,
      async finish() {
        await moveKeys()
        // The target is told first: it raises its epoch, and a source that gives up its last slot becomes a replica.
        for (const server of [to.server, from.server])
          await server.command('cluster', 'setslot', slot, 'node', to.id)
      },
    }
  }

  await settled()
  await until(
    'each master has a replica',
    async () =>
      (await nodes()).filter(({ isMaster, masterId }) => !isMaster && masterId !== undefined).length === 3,
  )
  // Valkey 8.0 can't read its own file if the file was written before the server knew that each replica is in its master's shard.
  for (const server of servers) {
    const shards = async (): Promise<number> =>
      (await server.command('cluster', 'shards')).split('\n').filter((line) => line.trim() === 'slots').length
    await until('three shards', shards, 3)
    await server.command('cluster', 'saveconfig')
  }
  return {
    servers,
    nodes,
    masters,
    masterOf,
    settled,
    beginMove,
    async failover(master, how) {
      const replica = (await nodes(master.server.isRunning() ? master.server : undefined)).find(
        ({ masterId, failed }) => masterId === master.id && !failed,
      )
      if (!replica) throw new Error('This master has no replica.')
      await replica.server.command('cluster', 'failover', ...(how === undefined ? [] : [how]))
      await until('the replica is the master', async () =>
        (await nodes(replica.server)).some(({ id, ranges }) => id === replica.id && ranges.length > 0),
      )
      await settled()
    },
    async moveSlots(slots, to) {
      for (const slot of slots) await (await beginMove(slot, to)).finish()
      await settled()
    },
  }
}
