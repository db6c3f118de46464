import type { RedisClient } from './port.js'
import { IORedisClient } from './ioredis-client.js'
import type { RedisClientOptions } from './options.js'

export type { RedisClientOptions } from './options.js'

/** Makes a client that is not connected yet. It loads the package ioredis when it is opened. */
export const createRedisClient = (options: RedisClientOptions): RedisClient => new IORedisClient(options)
