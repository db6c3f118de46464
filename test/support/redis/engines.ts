import { randomUUID } from 'node:crypto'
import type { Engine } from '../../../src/engine/index.js'
import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient } from '../../../src/engine/redis/client/port.js'
import { createSharedEngine, type SharedEngineOptions } from '../../../src/engine/redis/redis-engine.js'
import type { EngineUnderTest } from '../../../src/engine/suite/index.js'

/**
 * The number of partitions in tests that open very many engines, where opening 1,024 partitions takes most of the time: on a cluster each
 * is a call. Other tests have the real number, on one server and on clusters.
 */
export const FEW_PARTITIONS = 64

const monotonicNow = performance.now.bind(performance)

/** By how many milliseconds the suite has set the monotonic clock forward. */
const advancedBy = (): number => Math.round(performance.now() - monotonicNow())

// The suite adds a listener that throws.
const isOfSuite = (error: unknown): boolean => /thrown by an? \w+ of the suite/.test(String(error))

type EngineOptions = Pick<SharedEngineOptions, 'compareInterval' | 'partitionCount'>
type EnginesUnderTest = EngineUnderTest & { createWith: (prefix: string) => Engine }

/** How the suite makes engines: each has a prefix of its own, and its peers have the same. Every engine has these `options`. */
export const sharedEngines = (client: () => RedisClient, options: EngineOptions = {}): EnginesUnderTest => {
  const prefixes = new WeakMap<Engine, string>()
  const make = (prefix: string): Engine => {
    const before = advancedBy()
    const engine = createSharedEngine({
      ...options,
      client,
      prefix,
      // The clock of a server can't be set, so the suite's clock is added to it.
      clockShift: () => advancedBy() - before,
      onError: (error) => {
        if (!isOfSuite(error)) console.error(error)
      },
    })
    prefixes.set(engine, prefix)
    return engine
  }
  return {
    durable: true,
    ordered: false,
    create: () => make(`${randomUUID()}:`),
    createWith: make,
    createPeer: (engine) => make(prefixes.get(engine) ?? ''),
  }
}

/** How the suite makes engines on a Redis server. */
export const redisEngines = (server: () => RedisClientOptions, options?: EngineOptions): EnginesUnderTest =>
  sharedEngines(() => createRedisClient(server()), options)
