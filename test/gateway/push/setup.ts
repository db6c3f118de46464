import assert from 'node:assert/strict'
import type { AppConfig, GatewayConfig, PushConfig } from '../../../src/gateway/index.js'
import {
  settled,
  startAs,
  type Client,
  type ClientOptions,
  type StartedClient,
} from '../../support/raw-client.js'
import { startGateway, type GatewayParts, type TestGateway } from '../../support/gateway.js'
import { pushOf } from '../../support/push/push-network.js'
import { startPushService } from '../../support/push/push-service.js'
import { restOf, type Rest } from '../../support/rest/rest-calls.js'

type Subscription = ReturnType<Awaited<ReturnType<typeof startPushService>>['subscribe']>

/** What a test does with a gateway as its users and as its backend. */
interface Users {
  rest: Rest
  /** Sends a message of a user, or of the backend, to another. */
  send(from: string | null, to: string, body: string): Promise<void>
  /** Starts a session of a user. */
  connect(userId: string, start?: Record<string, unknown>, options?: ClientOptions): Promise<StartedClient>
  /** Subscribes a device by a session that ends then. */
  subscribe(userId: string, subscription: Subscription): Promise<void>
}

export interface PushGateway extends TestGateway, Users {
  service: Awaited<ReturnType<typeof startPushService>>
}

export const leave = async (client: Client): Promise<void> => {
  client.send({ type: 'end' })
  await client.closed
}

interface Options {
  app?: Partial<AppConfig>
  config?: Partial<GatewayConfig>
  parts?: GatewayParts
  /** @default a new one */
  service?: PushGateway['service']
}

/** Starts a gateway that pushes to a push service on loopback. */
export const startPushGateway = async (
  push: Partial<PushConfig> = {},
  { app = {}, config = {}, parts = {}, service: given }: Options = {},
): Promise<PushGateway> => {
  const service = given ?? (await startPushService())
  const pushNetwork = service.network
  const gateway = await startGateway({ push: pushOf(push), ...app }, config, { pushNetwork, ...parts })
  return { ...gateway, ...usersOf(gateway.url), service }
}

/** Like `startPushGateway`. The user ada has a phone. */
export const startWithPhone: typeof startPushGateway = async (...options) => {
  const gateway = await startPushGateway(...options)
  await gateway.subscribe('ada', gateway.service.subscribe('phone'))
  return gateway
}

export const usersOf = (url: string): Users => {
  const rest = restOf(url)
  const connect: Users['connect'] = async (userId, start = {}, options = {}) =>
    startAs(url, userId, start, options)
  return {
    rest,
    connect,
    async send(from, to, body) {
      const message = { ...(from !== null && { from }), body }
      assert.equal((await rest('POST', `/users/${to}/messages`, message)).status, 201)
    },
    async subscribe(userId, subscription) {
      const client = await connect(userId)
      client.send({ type: 'push', subscription })
      await settled(client)
      assert.ok(!client.frames.some(({ type }) => type === 'refused'))
      await leave(client)
    },
  }
}
