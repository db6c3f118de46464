// Three gateways under load: a crowd whose sessions go on, and newcomers at each gateway.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { slotOf } from '../../../src/engine/redis/client/key-slot.js'
import { Partitions } from '../../../src/engine/redis/nodes/partitions.js'
import type { EngineConfig } from '../../../src/gateway/index.js'
import type { ClusterSetup } from '../../support/redis/cluster.js'
import type { SentinelSetup } from '../../support/redis/sentinel.js'
import { until } from '../../support/until.js'
import { startCrowd, type Crowd, type FinishOptions } from './chat-user.js'
import { createRestClient } from '../../../src/rest-client/index.js'
import { appId, secret } from '../../support/tokens.js'
import { gatewayNode, RESUME_WINDOW, startBalancer, type GatewayNode } from './gateway-nodes.js'
import { startNewcomers, type Newcomers } from './newcomers.js'

export const USERS = ['ann', 'bob', 'cid', 'dora', 'eve', 'fay']

const partitions = new Partitions()

/** The slot of each user's keys in a cluster. */
export const slots = USERS.map((userId) => slotOf(partitions.tags[partitions.of({ appId, userId })] ?? ''))

export const engineOf = (setup: SentinelSetup | ClusterSetup): EngineConfig =>
  'sentinels' in setup
    ? { type: 'redis', name: setup.name, sentinels: setup.sentinels.map(({ url }) => url) }
    : { type: 'redis', cluster: setup.servers.map(({ url }) => url) }

export interface Load {
  nodes: readonly GatewayNode[]
  crowd: Crowd
  newcomers: readonly Newcomers[]
}

export const startLoad = async (engine: EngineConfig): Promise<Load> => {
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => gatewayNode({ name, engine })))
  await Promise.all(nodes.map((node) => node.start()))
  const { url } = await startBalancer(nodes)
  return { nodes, crowd: await startCrowd(url, USERS), newcomers: nodes.map(startNewcomers) }
}

export const untilAcknowledged = (crowd: Crowd, more: number): Promise<void> => {
  const before = crowd.acknowledged()
  return until('messages are acknowledged', () => crowd.acknowledged() > before + more)
}

/** Resolves when newcomers of each serving gateway have come and gone, and the crowd has sent messages. */
export const goOn = async ({ nodes, crowd, newcomers }: Load): Promise<void> => {
  await Promise.all(newcomers.filter((_, n) => nodes[n]?.isServing).map((each) => each.succeed()))
  await untilAcknowledged(crowd, 50)
}

/** Resolves when the users' sessions were given `lost: true` after a time. */
export const untilReported = async (
  { crowd }: Load,
  userIds: readonly string[],
  at: number,
): Promise<void> => {
  for (const user of crowd.users)
    if (userIds.includes(user.userId))
      await until(`${user.userId} is given lost: true`, () => user.wasLossReportedAfter(at))
}

/** Seconds, and some for a sweep. */
const OFFLINE_AFTER = 22

/** Compares what is left with what was done. Returns how many acknowledged messages are lost. */
export const finishLoad = async (
  context: TestContext,
  { nodes, crowd, newcomers }: Load,
  options: FinishOptions,
): Promise<number> => {
  await Promise.all(newcomers.map((each) => each.stop()))
  const { count, lost } = await crowd.finish(options)
  assert.deepEqual(
    newcomers.flatMap(({ faults }) => faults),
    [],
  )
  await Promise.all(crowd.users.map((user) => user.end()))
  // Nobody has a connection any more. Sessions that have not ended are detached.
  const users = [...USERS, ...nodes.map(({ name }) => `newcomer of ${name}`)]
  const rest = createRestClient({ endpoint: nodes[0]?.endpoint ?? '', appId, secret })
  const online = async (): Promise<string> => {
    const status = await rest.getUsersStatus({ body: { users } })
    return status.users.flatMap((user) => (user.online || user.sessions > 0 ? [user.id] : [])).join()
  }
  await until('no session is left', online, '', (RESUME_WINDOW + OFFLINE_AFTER) * 1_000)
  const refused = newcomers.reduce((sum, each) => sum + each.unavailable(), 0)
  context.diagnostic(`${count} messages, ${lost} lost; ${refused} starts and sends were unavailable`)
  return lost
}
