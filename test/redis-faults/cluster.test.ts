// A cluster of three masters moves slots, loses a master and fails over, while three gateways are under load.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Partitions } from '../../src/engine/redis/partitions.js'
import { slotOfKey } from '../../src/engine/redis/client/key-slot.js'
import { startCluster } from '../support/redis/cluster.js'
import { appId } from '../support/tokens.js'
import { until } from '../support/until.js'
import { startCrowd } from './chat-user.js'
import { gatewayNode, startBalancer } from './gateway-nodes.js'

const USERS = ['ann', 'bob', 'cid', 'dora', 'eve', 'fay']

test('a cluster that moves slots and fails over in agreement loses no message and ends no session', async (context) => {
  const cluster = await startCluster()
  const engine = { type: 'redis' as const, cluster: cluster.servers.map(({ url }) => url) }
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => gatewayNode({ name, engine })))
  await Promise.all(nodes.map((node) => node.start()))
  const { url } = await startBalancer(nodes)
  const crowd = await startCrowd(url, USERS)
  const goesOn = async (): Promise<void> => {
    const before = crowd.acknowledged()
    await until('messages are acknowledged', () => crowd.acknowledged() > before + 20)
  }

  const partitions = new Partitions()
  const slots = USERS.map((userId) =>
    slotOfKey(`{${partitions.tags[partitions.of({ appId, userId })] ?? ''}}`),
  )
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
