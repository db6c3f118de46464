import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient } from '../../../src/engine/redis/client/port.js'

/** A client that waits for `before` each time it runs the script of this name. */
export const hookedClient = (
  options: RedisClientOptions,
  name: string,
  before: () => Promise<unknown>,
): RedisClient => {
  const client = createRedisClient(options)
  const run = client.run.bind(client)
  client.run = async (script, input) => {
    if (script.name === name) await before()
    return run(script, input)
  }
  return client
}
