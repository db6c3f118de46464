import { EngineError } from '../../../src/engine/index.js'
import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient } from '../../../src/engine/redis/client/port.js'

/** A client that can't run the script of this name while `isFailing` returns true. */
export const failingClient = (
  options: RedisClientOptions,
  script: string,
  isFailing: () => boolean,
): RedisClient => {
  const client = createRedisClient(options)
  return {
    isCluster: client.isCluster,
    open: (events) => client.open(events),
    close: () => client.close(),
    subscribe: (channels) => client.subscribe(channels),
    keys: (start) => client.keys(start),
    info: () => client.info(),
    run: (called, keys, args) =>
      called.name === script && isFailing()
        ? Promise.reject(new EngineError('unavailable', 'The test lets this script fail.'))
        : client.run(called, keys, args),
  }
}
