import { createRedisClient, type RedisClientOptions } from './client/index.js'
import { isUnreachable } from './client/failures.js'
import { assertUsable, leastDurable } from './server-check.js'

const ignore = (): void => undefined

/**
 * Connects to a Redis as an engine does when it opens, writes nothing, and disconnects. Resolves with the version of the server; with null
 * if no server answers at the address. Rejects if the engine would refuse the server, or the server the engine.
 */
export const probeRedis = async (server: RedisClientOptions): Promise<string | null> => {
  const client = createRedisClient(server)
  try {
    await client.open({ onMessage: ignore, onResubscribed: ignore, onError: ignore })
    const servers = await client.info()
    assertUsable(servers)
    return leastDurable(servers).version
  } catch (error) {
    if (isUnreachable(error)) return null
    throw error
  } finally {
    await client.close()
  }
}
