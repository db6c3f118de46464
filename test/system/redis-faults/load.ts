// Three gateways under load: a crowd whose sessions go on, and newcomers at each gateway.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { EngineConfig } from '../../../src/gateway/index.js'
import { until } from '../../support/until.js'
import { startCrowd, type Crowd, type FinishOptions } from './chat-user.js'
import { gatewayNode, startBalancer } from './gateway-nodes.js'
import { startNewcomers, type Newcomers } from './newcomers.js'

export const USERS = ['ann', 'bob', 'cid', 'dora', 'eve', 'fay']

export interface Load {
  crowd: Crowd
  newcomers: readonly Newcomers[]
}

export const startLoad = async (engine: EngineConfig): Promise<Load> => {
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => gatewayNode({ name, engine })))
  await Promise.all(nodes.map((node) => node.start()))
  const { url } = await startBalancer(nodes)
  return { crowd: await startCrowd(url, USERS), newcomers: nodes.map(startNewcomers) }
}

export const untilAcknowledged = (crowd: Crowd, more: number): Promise<void> => {
  const before = crowd.acknowledged()
  return until('messages are acknowledged', () => crowd.acknowledged() > before + more)
}

/** Resolves when newcomers of each gateway have come and gone, and the crowd has sent messages. */
export const goOn = async ({ crowd, newcomers }: Load): Promise<void> => {
  await Promise.all(newcomers.map((each) => each.succeed()))
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

/** Returns how many acknowledged messages are lost. */
export const finishLoad = async (
  context: TestContext,
  { crowd, newcomers }: Load,
  options: FinishOptions,
): Promise<number> => {
  await Promise.all(newcomers.map((each) => each.stop()))
  const { count, lost } = await crowd.finish(options)
  assert.deepEqual(
    newcomers.flatMap(({ faults }) => faults),
    [],
  )
  const refused = newcomers.reduce((sum, each) => sum + each.unavailable(), 0)
  context.diagnostic(`${count} messages, ${lost} lost; ${refused} starts and sends were unavailable`)
  return lost
}
