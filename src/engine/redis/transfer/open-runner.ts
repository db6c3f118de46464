import type { WebhookOptions } from '../../engine.js'
import { createRedisClient, type RedisClientOptions } from '../client/index.js'
import type { RedisClient } from '../client/port.js'
import { Partitions } from '../nodes/partitions.js'
import { assertUsable } from '../server-check.js'
import { StepRunner } from '../step-runner.js'

export interface RedisPlace {
  server: RedisClientOptions
  prefix: string
}

const ignore = (): void => undefined

/**
 * Connects to a Redis for a transfer. This process does not become a node: no session starts here, and it sweeps nothing. `webhooksOf`
 * returns which webhook events of an app are kept when a step of the transfer causes them.
 */
export const openRunner = async (
  { server, prefix }: RedisPlace,
  webhooksOf: (appId: string) => WebhookOptions | null = () => null,
): Promise<{ client: RedisClient; runner: StepRunner }> => {
  const client = createRedisClient(server)
  // If the connection is lost, the calls of the transfer reject, so nothing needs these events.
  await client.open({ onMessage: ignore, onResubscribed: ignore, onError: ignore })
  try {
    assertUsable(await client.info())
  } catch (error) {
    await client.close()
    throw error
  }
  const runner = new StepRunner({
    client,
    prefix,
    partitions: new Partitions(),
    nodeId: 'transfer',
    clockShift: () => 0,
    onEvents: ignore,
    webhooksOf,
  })
  return { client, runner }
}
