// Sentinels fail over the master of three gateways under load: because it is killed or stopped, or because they are asked to.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startSentinels, type SentinelSetup } from '../../support/redis/sentinel.js'
import type { RedisServer } from '../../support/redis/server.js'
import { cutReplicas, untilReplicated } from '../../support/redis/replication.js'
import { until } from '../../support/until.js'
import { finishLoad, goOn, startLoad, untilAcknowledged, untilReported, USERS, type Load } from './load.js'
import { createRandom, seed } from '../../support/seeded-random.js'

const random = createRandom(seed)

const start = async () => {
  const setup = await startSentinels()
  const [first] = setup.servers
  assert.ok(first)
  const sentinels = setup.sentinels.map(({ url }) => url)
  const load = await startLoad({ type: 'redis', name: setup.name, sentinels })
  return { setup, first, load }
}

/** Resolves when everything works after a fault of the master, with the time at which another server became the master for good. */
const failOver = async (
  context: TestContext,
  { setup, first, load }: { setup: SentinelSetup; first: RedisServer; load: Load },
  fault: () => Promise<void> | void,
): Promise<number> => {
  const startedAt = performance.now()
  await fault()
  await setup.failedOver(first)
  const failedOverAt = performance.now()
  await goOn(load)
  await untilReported(load, USERS, startedAt)
  const milliseconds = [failedOverAt, performance.now()].map((at) => Math.round(at - startedAt))
  context.diagnostic(`another master after ${milliseconds[0]} ms, all go on after ${milliseconds[1]} ms`)
  return failedOverAt
}

const untilReplica = (server: RedisServer): Promise<void> =>
  until('the first server is a replica', async () => {
    // A Sentinel that makes a server a replica has it close all connections.
    const state = await server.command('info', 'replication').catch(String)
    return state.includes('role:slave') && state.includes('master_link_status:up')
  })

/** Resolves when the replicas have all that was acknowledged before this call, with the time of the call. */
const untilAllReplicated = async ({ servers }: SentinelSetup, master: RedisServer): Promise<number> => {
  const at = performance.now()
  const replicas = servers.filter((server) => server !== master)
  await Promise.all(replicas.map((replica) => untilReplicated(master, replica)))
  return at
}

test(`a killed master whose replicas lack messages: no session ends, and each loss is reported (FAULT_SEED=${seed})`, async (context) => {
  const started = await start()
  const { setup, first, load } = started
  await untilAcknowledged(load.crowd, 50)
  const from = await untilAllReplicated(setup, first)
  await cutReplicas(first)
  await untilAcknowledged(load.crowd, 1 + Math.floor(40 * random()))
  const until = await failOver(context, started, () => first.kill())
  assert.ok(
    (await finishLoad(context, load, { losses: [{ from, until }] })) > 0,
    'the replicas lacked messages',
  )
})

test(`a master that is stopped and becomes a replica: no session ends, and each loss is reported (FAULT_SEED=${seed})`, async (context) => {
  const started = await start()
  const { setup, first, load } = started
  await untilAcknowledged(load.crowd, 50)
  await pause(500 * random())
  const from = await untilAllReplicated(setup, first)
  const until = await failOver(context, started, () => first.pause())
  first.resume()
  await untilReplica(first)
  await goOn(load)
  await finishLoad(context, load, { losses: [{ from, until }] })
})

test(`a planned failover by a Sentinel: no session ends, and each loss is reported (FAULT_SEED=${seed})`, async (context) => {
  const started = await start()
  const { setup, first, load } = started
  await untilAcknowledged(load.crowd, 50)
  await pause(500 * random())
  const from = await untilAllReplicated(setup, first)
  await failOver(context, started, () => setup.failover())
  await untilReplica(first)
  // The old master accepted writes until this time.
  const until = performance.now()
  await goOn(load)
  await finishLoad(context, load, { losses: [{ from, until }] })
})
