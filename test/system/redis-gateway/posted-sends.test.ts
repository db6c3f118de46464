// A post with messages may reach any node.
import { randomUUID } from 'node:crypto'
import { startGateway } from '../../support/gateway.js'
import { postedSendTests } from '../../support/clients/posted-sends.js'
import { standalone } from '../../support/redis/server.js'

const { url } = await standalone()
const engine = { type: 'redis', url, prefix: `${randomUUID()}:` } as const
const limits = { messagesPerSecond: 1_000 }
const nodes = [
  await startGateway({ limits }, { engine }),
  await startGateway({ limits }, { engine }),
] as const
postedSendTests('(redis)', [nodes[0].url, nodes[1].url])
