import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient } from '../../../src/engine/redis/client/port.js'

/** A client that notes how many keys each call of the script with this name has. */
export const countingClient = (
  options: RedisClientOptions,
  name: string,
): { client: RedisClient; keyCounts: number[] } => {
  const client = createRedisClient(options)
  const keyCounts: number[] = []
  return {
    client: {
      isCluster: client.isCluster,
      open: (events) => client.open(events),
      close: () => client.close(),
      run(script, keys, args) {
        if (script.name === name) keyCounts.push(keys.length)
        return client.run(script, keys, args)
      },
      subscribe: (channels) => client.subscribe(channels),
      keys: (start) => client.keys(start),
      info: () => client.info(),
    },
    keyCounts,
  }
}
