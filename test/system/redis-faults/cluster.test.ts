// A cluster of three masters moves slots, fails over and loses masters, while three gateways are under load.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startCluster, type ClusterNode, type ClusterSetup } from '../../support/redis/cluster.js'
import { cutReplicas, untilReplicated } from '../../support/redis/replication.js'
import { until } from '../../support/until.js'
import { startCrowd, type Loss } from './chat-user.js'
import { gatewayNode, startBalancer } from './gateway-nodes.js'
import {
  engineOf,
  finishLoad,
  goOn,
  slots,
  startLoad,
  untilAcknowledged,
  untilReported,
  USERS,
  type Load,
} from './load.js'
import { createRandom, seed } from '../../support/seeded-random.js'

const random = createRandom(seed)

test('a cluster that moves slots and fails over in agreement loses no message and ends no session', async (context) => {
  const cluster = await startCluster()
  const engine = engineOf(cluster)
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => gatewayNode({ name, engine })))
  await Promise.all(nodes.map((node) => node.start()))
  const { url } = await startBalancer(nodes)
  const crowd = await startCrowd(url, USERS)
  const goesOn = async (): Promise<void> => {
    const before = crowd.acknowledged()
    await until('messages are acknowledged', () => crowd.acknowledged() > before + 20)
  }

  for (const [n, slot] of slots.entries()) {
    const owner = await cluster.masterOf(slot)
    const others = (await cluster.masters()).filter(({ id }) => id !== owner.id)
    const to = others[n % others.length]
    assert.ok(to)
    await cluster.moveSlots([slot], to)
    context.diagnostic(`slot ${slot} has moved`)
    await goesOn()
  }
  const [master] = await cluster.masters()
  assert.ok(master)
  await cluster.failover(master)
  context.diagnostic('a replica has taken the place of its master')
  await goesOn()
  const { count } = await crowd.finish()
  context.diagnostic(`${count} messages`)
})

const usersOf = ({ ranges }: ClusterNode): string[] =>
  USERS.filter((_, n) => ranges.some(([from, to]) => from <= (slots[n] ?? -1) && (slots[n] ?? -1) <= to))

/** Kills a master. Resolves when everything works without it, with the time in which messages may have been lost. */
const kill = async (
  context: TestContext,
  { cluster, load }: { cluster: ClusterSetup; load: Load },
  master: ClusterNode,
  isReplicaCut: boolean,
): Promise<Loss> => {
  const users = usersOf(master)
  const all = await cluster.nodes()
  const replica = all.find(({ masterId }) => masterId === master.id)
  assert.ok(replica)
  const from = performance.now()
  await untilReplicated(master.server, replica.server)
  if (isReplicaCut) {
    await cutReplicas(master.server)
    await untilAcknowledged(load.crowd, 20 + Math.floor(20 * random()))
  }
  const killedAt = performance.now()
  await master.server.kill()
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
  // The killed master is a replica of the new one from now on.
  await master.server.start()
  await cluster.settled()
  return { from, until: failedOverAt }
}

test(`masters of a cluster are killed: no session ends, and each loss is reported (FAULT_SEED=${seed})`, async (context) => {
  const cluster = await startCluster()
  const load = await startLoad(engineOf(cluster))
  const masters = await cluster.masters()
  assert.deepEqual(
    masters.filter((master) => usersOf(master).length === 0),
    [],
  )
  await untilAcknowledged(load.crowd, 50)
  const first = Math.floor(masters.length * random())
  const losses: Loss[] = []
  // The replica of the first master lacks messages, and that of the second may lack some.
  for (const isReplicaCut of [true, false]) {
    const master = masters[(first + losses.length) % masters.length]
    assert.ok(master)
    losses.push(await kill(context, { cluster, load }, master, isReplicaCut))
    await goOn(load)
  }
  const lost = await finishLoad(context, load, { losses, areApart: true })
  assert.ok(lost > 0, 'a replica lacked messages')
})
