import type { RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import { slotOf } from '../../../src/engine/redis/client/key-slot.js'
import { Partitions } from '../../../src/engine/redis/nodes/partitions.js'
import { startCluster } from './cluster.js'
import { standalone, type RedisServer } from './server.js'

export interface RedisSetting {
  readonly name: string
  readonly options: RedisClientOptions
  /** Returns the server of a partition. */
  serverOf(partition: number): Promise<RedisServer>
  /** Deletes all keys. */
  empty(): Promise<void>
}

/** Starts one server and a cluster. Returns the server, and the settings of both for tests that run on each. */
export const startSingleAndCluster = async (): Promise<{
  server: RedisServer
  settings: readonly RedisSetting[]
}> => {
  const server = await standalone()
  const { servers, masters, masterOf } = await startCluster()
  const { tags } = new Partitions()
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
  return {
    server,
    settings: [
      {
        name: 'one server',
        options: { type: 'single', url: server.url },
        serverOf: () => Promise.resolve(server),
        async empty() {
          await server.command('flushall')
        },
      },
      {
        name: 'a cluster',
        options: { type: 'cluster', nodes },
        serverOf: async (partition) => (await masterOf(slotOf(tags[partition] ?? ''))).server,
        async empty() {
          await Promise.all((await masters()).map(({ server: master }) => master.command('flushall')))
        },
      },
    ],
  }
}
