import { createRedisClient, type RedisClientOptions } from '../client/index.js'
import type { RedisClient } from '../client/port.js'
import { Partitions } from '../partitions.js'
import { assertUsable } from '../server-check.js'
import { Store } from '../store.js'

export interface RedisPlace {
  server: RedisClientOptions
  prefix: string
}

const ignore = (): void => undefined

/** Connects to a Redis without being one of its nodes: no session starts here, and nothing is swept. */
export const openStore = async ({
  server,
  prefix,
}: RedisPlace): Promise<{ client: RedisClient; store: Store }> => {
  const client = createRedisClient(server)
  // A lost connection rejects the calls of the copy.
  await client.open({ onMessage: ignore, onResubscribed: ignore, onError: ignore })
  try {
    assertUsable(await client.info(), client.isCluster)
  } catch (error) {
    await client.close()
    throw error
  }
  const store = new Store({
    client,
    prefix,
    partitions: new Partitions(),
    nodeId: 'copy',
    clockShift: () => 0,
    onEvents: ignore,
    webhooksOf: () => null,
  })
  return { client, store }
}
