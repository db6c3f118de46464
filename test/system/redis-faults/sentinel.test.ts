// Sentinels fail over the master of three gateways under load, and perhaps no gateway can say what the new master lacks.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startSentinels, type SentinelSetup } from '../../support/redis/sentinel.js'
import type { RedisServer } from '../../support/redis/server.js'
import { cutReplicas, untilReplica, untilReplicated } from '../../support/redis/replication.js'
import {
  engineOf,
  finishLoad,
  goOn,
  startLoad,
  untilAcknowledged,
  untilReported,
  USERS,
  type Load,
} from './load.js'
import { createRandom, seed } from '../../support/seeded-random.js'

const random = createRandom(seed)

const start = async () => {
  const setup = await startSentinels()
  const [first] = setup.servers
  assert.ok(first)
  const load = await startLoad(engineOf(setup))
  return { setup, first, load, node: load.nodes.at(-1) }
}

/** Resolves when everything works after a fault of the master, with the time at which another server became the master for good. */
const failOver = async (
  context: TestContext,
  { setup, first, load }: { setup: SentinelSetup; first: RedisServer; load: Load },
  fault: () => unknown,
): Promise<number> => {
  const startedAt = performance.now()
  await fault()
  await setup.failedOver(first)
  const failedOverAt = performance.now()
  await goOn(load)
  const milliseconds = [failedOverAt, performance.now()].map((at) => Math.round(at - startedAt))
  context.diagnostic(`another master after ${milliseconds[0]} ms, all go on after ${milliseconds[1]} ms`)
  return failedOverAt
}

/** Resolves when the replicas have all that was acknowledged before this call, with the time of the call. */
const untilAllReplicated = async ({ servers }: SentinelSetup, master: RedisServer): Promise<number> => {
  const at = performance.now()
  const replicas = servers.filter((server) => server !== master)
  await Promise.all(replicas.map((replica) => untilReplicated(master, replica)))
  return at
}

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

/** Starts a load, and cuts the replicas off from then on. Resolves with a time at which they had everything. */
const startAndCut = async () => {
  const started = await start()
  const { setup, first, load } = started
  await untilAcknowledged(load.crowd, 50)
  const from = await untilAllReplicated(setup, first)
  await cutReplicas(first)
  await untilAcknowledged(load.crowd, 50)
  return { started, from }
}

test('a gateway is killed with the master, whose replicas lack messages: no session ends, and each loss is reported', async (context) => {
  const { started, from } = await startAndCut()
  const { first, load, node } = started
  // Nobody else has what this gateway has acknowledged.
  const until = await failOver(context, started, () => Promise.all([first.kill(), node?.stop('SIGKILL')]))
  await untilReported(load, USERS, from)
  await finishLoad(context, load, { losses: [{ from, until }] })
})

test('a gateway stands still when the master is killed, whose replicas lack messages: no session ends, and each loss is reported', async (context) => {
  const { started, from } = await startAndCut()
  const { first, load, node } = started
  await failOver(context, started, () => {
    node?.pause()
    return first.kill()
  })
  await pause(5_000)
  await node?.resume()
  await goOn(load)
  // The gateway may have told its clients only now what the old master had answered.
  const until = performance.now()
  await finishLoad(context, load, { losses: [{ from, until }] })
})
