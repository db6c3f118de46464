// Redis is restarted, fails over or moves slots while three gateways are under load. The gateways still have what Redis lacks afterwards,
// and make it again. So no client notices anything.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { EngineConfig } from '../../../src/gateway/index.js'
import { startCluster, type ClusterSetup } from '../../support/redis/cluster.js'
import { cutReplicas, untilReplica } from '../../support/redis/replication.js'
import { startSentinels, type SentinelSetup } from '../../support/redis/sentinel.js'
import { standalone, type RedisServer } from '../../support/redis/server.js'
import { until } from '../../support/until.js'
import { readInbox, restOf, startBackend } from './backend.js'
import { engineOf, finishLoad, goOn, slots, startLoad, untilAcknowledged, USERS, type Load } from './load.js'

interface Setting {
  engine: EngineConfig
  fault: (load: Load) => Promise<void>
}

/** Redis is away for some milliseconds, and comes back with all that it had. */
const restart = (signal: 'SIGTERM' | 'SIGKILL', away: number) => async (): Promise<Setting> => {
  const redis = await standalone({ settings: { appendonly: 'yes', appendfsync: 'always' } })
  return {
    engine: { type: 'redis', url: redis.url },
    async fault() {
      await redis.kill(signal)
      await pause(away)
      await redis.start()
    },
  }
}

const sentinels =
  (fault: (setup: SentinelSetup, master: RedisServer, load: Load) => Promise<void>) =>
  async (): Promise<Setting> => {
    const setup = await startSentinels()
    const master = await setup.master()
    return { engine: engineOf(setup), fault: (load) => fault(setup, master, load) }
  }

const cluster = (fault: (setup: ClusterSetup, load: Load) => Promise<void>) => async (): Promise<Setting> => {
  const setup = await startCluster()
  return { engine: engineOf(setup), fault: (load) => fault(setup, load) }
}

const cases: Record<string, () => Promise<Setting>> = {
  'Redis is shut down and started again': restart('SIGTERM', 1_000),
  'Redis crashes and is started again': restart('SIGKILL', 5_000),
  'Redis is away for longer than the lease of a gateway': restart('SIGTERM', 12_000),

  'a planned failover by a Sentinel': sentinels(async (setup, master) => {
    await setup.failover()
    // Until then the old master perhaps accepted writes, which the new one lacks.
    await untilReplica(master)
  }),

  'a killed master whose replicas lack messages': sentinels(async (setup, master, load) => {
    await cutReplicas(master)
    await untilAcknowledged(load.crowd, 50)
    await master.kill()
    await setup.failedOver(master)
  }),

  'a planned failover of a master of a cluster': cluster(async ({ masters, failover }) => {
    for (const master of await masters()) await failover(master)
  }),

  'a killed master of a cluster whose replica lacks messages': cluster(async ({ masterOf }, load) => {
    const [slot = 0] = slots
    const { id, server } = await masterOf(slot)
    await cutReplicas(server)
    await untilAcknowledged(load.crowd, 50)
    await server.kill()
    await until('the replica is the master', async () =>
      masterOf(slot).then(
        (master) => master.id !== id,
        () => false,
      ),
    )
  }),

  'slots of a cluster that move to another master': cluster(async ({ masters, masterOf, moveSlots }) => {
    const [to] = await masters()
    assert.ok(to)
    const owners = await Promise.all(slots.map(masterOf))
    await moveSlots(
      slots.filter((_, n) => owners[n]?.id !== to.id),
      to,
    )
  }),
}

for (const [what, set] of Object.entries(cases))
  test(`${what}: no session notices, and each message stays at its offset`, async (context) => {
    const { engine, fault } = await set()
    const load = await startLoad(engine)
    const backend = startBackend(load.nodes, USERS)
    await untilAcknowledged(load.crowd, 50)
    const startedAt = performance.now()
    await fault(load)
    const faultAt = performance.now()
    await goOn(load)
    const milliseconds = [faultAt, performance.now()].map((at) => Math.round(at - startedAt))
    context.diagnostic(`the fault took ${milliseconds[0]} ms, all go on after ${milliseconds[1]} ms`)
    const answered = await backend.stop()
    await finishLoad(context, load, { isUnfelt: true })

    const [node] = load.nodes
    assert.ok(node)
    const rest = restOf(node)
    for (const { userId, received, starts } of load.crowd.users) {
      const { epoch, messages } = await readInbox(rest, userId)
      assert.deepEqual([epoch], starts)
      assert.deepEqual(
        messages.map(({ offset, id, body }) => ({ offset, id, body })),
        received.map(({ offset, id, body }) => ({ offset, id, body })),
        `the inbox of ${userId} is what the session received`,
      )
      const bodies = new Map(messages.map(({ offset, body }) => [offset, body]))
      assert.deepEqual(
        answered.filter(({ to, offset, body }) => to === userId && bodies.get(offset) !== body),
        [],
        `${userId} has each message where its call of REST said`,
      )
    }
    context.diagnostic(`${answered.length} of the messages were sent over REST`)
  })
