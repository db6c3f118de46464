import { EngineError } from '../../../src/engine/index.js'
import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient } from '../../../src/engine/redis/client/port.js'

/** A client that can't run the script of this name while `isFailing` returns true for its arguments. */
export const failingClient = (
  options: RedisClientOptions,
  name: string,
  isFailing: (args: readonly string[]) => boolean,
): RedisClient => {
  const client = createRedisClient(options)
  const run = client.run.bind(client)
  client.run = (script, input) =>
    script.name === name && isFailing(input.args)
      ? Promise.reject(new EngineError('unavailable', 'The test lets this script fail.'))
      : run(script, input)
  return client
}
