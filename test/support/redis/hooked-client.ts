import { EngineError } from '../../../src/engine/index.js'
import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient, ScriptInput } from '../../../src/engine/redis/client/port.js'

/** A client that waits for `before` each time it runs a script, and does not run it if `before` throws. */
export const hookedClient = (
  options: RedisClientOptions,
  before: (name: string, input: ScriptInput) => unknown,
): RedisClient => {
  const client = createRedisClient(options)
  const run = client.run.bind(client)
  client.run = async (script, input, onRepeat) => {
    await before(script.name, input)
    return run(script, input, onRepeat)
  }
  return client
}

/** A client that can't run the script of this name while `isFailing` returns true for its arguments. */
export const failingClient = (
  options: RedisClientOptions,
  name: string,
  isFailing: (args: readonly string[]) => boolean,
): RedisClient =>
  hookedClient(options, (called, { args }) => {
    if (called === name && isFailing(args))
      throw new EngineError('unavailable', 'The test lets this script fail.')
  })
