import type { RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import { startCluster } from './cluster.js'
import { standalone, type RedisServer } from './server.js'

interface RedisSetting {
  readonly name: string
  readonly options: RedisClientOptions
}

/** Starts one server and a cluster. Returns the server, and the settings of both for tests that run on each. */
export const startSingleAndCluster = async (): Promise<{
  server: RedisServer
  settings: readonly RedisSetting[]
}> => {
  const server = await standalone()
  const { servers } = await startCluster()
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
  return {
    server,
    settings: [
      { name: 'one server', options: { type: 'single', url: server.url } },
      { name: 'a cluster', options: { type: 'cluster', nodes } },
    ],
  }
}
