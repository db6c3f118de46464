// A cluster of three masters loses one of them while three gateways are under load.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCluster, type ClusterNode } from '../../support/redis/cluster.js'
import { cutReplicas, untilReplicated } from '../../support/redis/replication.js'
import { until } from '../../support/until.js'
import {
  engineOf,
  finishLoad,
  goOn,
  slots,
  startLoad,
  untilAcknowledged,
  untilReported,
  USERS,
} from './load.js'
import { createRandom, seed } from '../../support/seeded-random.js'

const random = createRandom(seed)

const usersOf = ({ ranges }: ClusterNode): string[] =>
  USERS.filter((_, n) => ranges.some(([from, to]) => from <= (slots[n] ?? -1) && (slots[n] ?? -1) <= to))

test(`a master of a cluster and a gateway are killed: no session ends, and each loss is reported (FAULT_SEED=${seed})`, async (context) => {
  const cluster = await startCluster()
  const load = await startLoad(engineOf(cluster))
  const [masters, node] = [await cluster.masters(), load.nodes.at(-1)]
  assert.deepEqual(
    masters.filter((master) => usersOf(master).length === 0),
    [],
  )
  const master = masters[Math.floor(masters.length * random())]
  assert.ok(master && node)
  const users = usersOf(master)
  const replica = (await cluster.nodes()).find(({ masterId }) => masterId === master.id)
  assert.ok(replica)
  await untilAcknowledged(load.crowd, 50)

  const from = performance.now()
  await untilReplicated(master.server, replica.server)
  await cutReplicas(master.server)
  await untilAcknowledged(load.crowd, 20 + Math.floor(20 * random()))
  const killedAt = performance.now()
  // Nobody else has what this gateway has acknowledged.
  await Promise.all([master.server.kill(), node.stop('SIGKILL')])
  await until('the replica is the master', async () =>
    (await cluster.masters().catch(() => [])).some(({ id }) => id === replica.id),
  )
  const failedOverAt = performance.now()
  await goOn(load)
  await untilReported(load, users, killedAt)
  const milliseconds = [failedOverAt, performance.now()].map((at) => Math.round(at - killedAt))
  context.diagnostic(
    `the master of ${users.join()}: a replica is the master after ${milliseconds[0]} ms, all go on after ${milliseconds[1]} ms`,
  )
  const others = load.crowd.users.filter(({ userId }) => !users.includes(userId))
  assert.deepEqual(
    others.filter((user) => user.wasLossReportedAfter(from)).map(({ userId }) => userId),
    [],
    'inboxes of other masters have the same epochs',
  )
  await finishLoad(context, load, { losses: [{ from, until: failedOverAt }], areApart: true })
})
