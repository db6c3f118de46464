import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient } from '../../../src/engine/redis/client/port.js'

/** A client that notes how many keys each call of the script with this name has. */
export const countingClient = (
  options: RedisClientOptions,
  name: string,
): { client: RedisClient; keyCounts: number[] } => {
  const client = createRedisClient(options)
  const run = client.run.bind(client)
  const keyCounts: number[] = []
  client.run = (script, input) => {
    if (script.name === name) keyCounts.push(input.keys.length)
    return run(script, input)
  }
  return { client, keyCounts }
}
