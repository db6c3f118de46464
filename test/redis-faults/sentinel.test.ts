// Sentinels fail over the master of three gateways under load, because it is killed or stopped.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startSentinels, type SentinelSetup } from '../support/redis/sentinel.js'
import type { RedisServer } from '../support/redis/server.js'
import { until } from '../support/until.js'
import { startCrowd, type Crowd } from './chat-user.js'
import { gatewayNode, startBalancer } from './gateway-nodes.js'
import { startNewcomers, type Newcomers } from './newcomers.js'
import { createRandom, seed } from './random.js'

const USERS = ['ann', 'bob', 'cid', 'dora', 'eve', 'fay']
const random = createRandom(seed)

interface Load {
  setup: SentinelSetup
  first: RedisServer
  crowd: Crowd
  newcomers: readonly Newcomers[]
}

const startLoad = async (): Promise<Load> => {
  const setup = await startSentinels()
  const [first] = setup.servers
  assert.ok(first)
  const engine = {
    type: 'redis' as const,
    name: setup.name,
    sentinels: setup.sentinels.map(({ url }) => url),
  }
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => gatewayNode({ name, engine })))
  await Promise.all(nodes.map((node) => node.start()))
  const { url } = await startBalancer(nodes)
  return { setup, first, crowd: await startCrowd(url, USERS), newcomers: nodes.map(startNewcomers) }
}

const untilAcknowledged = (crowd: Crowd, more: number): Promise<void> => {
  const before = crowd.acknowledged()
  return until('messages are acknowledged', () => crowd.acknowledged() > before + more)
}

/** Resolves when all goes on after a fault of the master, with the time from which on another server was the master. */
const failOver = async (
  context: TestContext,
  { setup, first, crowd, newcomers }: Load,
  fault: () => Promise<void> | void,
): Promise<number> => {
  const startedAt = performance.now()
  await fault()
  await until('another server is the master', async () => {
    const master = await setup.master()
    return master !== first && (await master.command('info', 'replication')).includes('role:master')
  })
  const failedOverAt = performance.now()
  await Promise.all(newcomers.map((each) => each.succeed()))
  await untilAcknowledged(crowd, 50)
  for (const user of crowd.users)
    await until(`${user.userId} is given lost: true`, () => user.wasLossReportedAfter(startedAt))
  const milliseconds = [failedOverAt, performance.now()].map((at) => Math.round(at - startedAt))
  context.diagnostic(`another master after ${milliseconds[0]} ms, all go on after ${milliseconds[1]} ms`)
  return failedOverAt
}

/** Returns how many acknowledged messages are lost. */
const finish = async (
  context: TestContext,
  { crowd, newcomers }: Load,
  failedOverAt: number,
): Promise<number> => {
  await Promise.all(newcomers.map((each) => each.stop()))
  const { count, lost } = await crowd.finish(failedOverAt)
  assert.deepEqual(
    newcomers.flatMap(({ faults }) => faults),
    [],
  )
  const refused = newcomers.reduce((sum, each) => sum + each.unavailable(), 0)
  context.diagnostic(`${count} messages, ${lost} lost; ${refused} starts and sends were unavailable`)
  return lost
}

test(`a killed master whose replicas lack messages: no session ends, and each loss is reported (FAULT_SEED=${seed})`, async (context) => {
  const load = await startLoad()
  const { first, crowd } = load
  await untilAcknowledged(crowd, 50)
  // The replicas do not know the password, so they receive nothing more. Open connections are not asked for it.
  await first.command('config', 'set', 'requirepass', 'unknown to replicas')
  await first.command('-a', 'unknown to replicas', 'client', 'kill', 'type', 'replica')
  await untilAcknowledged(crowd, 1 + Math.floor(40 * random()))
  const failedOverAt = await failOver(context, load, () => first.kill())
  assert.ok((await finish(context, load, failedOverAt)) > 0, 'the replicas lacked messages')
})

test(`a master that is stopped and becomes a replica: no session ends, and each loss is reported (FAULT_SEED=${seed})`, async (context) => {
  const load = await startLoad()
  const { first, crowd } = load
  await untilAcknowledged(crowd, 50)
  await pause(500 * random())
  const failedOverAt = await failOver(context, load, () => first.pause())
  first.resume()
  await until('the stopped server is a replica', async () => {
    const state = await first.command('info', 'replication')
    return state.includes('role:slave') && state.includes('master_link_status:up')
  })
  await Promise.all(load.newcomers.map((each) => each.succeed()))
  await untilAcknowledged(crowd, 50)
  await finish(context, load, failedOverAt)
})
