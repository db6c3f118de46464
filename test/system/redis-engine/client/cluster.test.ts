import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slotOf } from '../../../../src/engine/redis/client/key-slot.js'
import { startCluster, type ClusterSetup } from '../../../support/redis/cluster.js'
import { until } from '../../../support/until.js'
import {
  count,
  countWithMissing,
  openClient,
  publishSharded,
  repeat,
  spreadTags,
  type TestClient,
} from './kit.js'

const TAGS = spreadTags(24)
const keyOf = (tag: string): string => `test:{${tag}}:n`
const channelOf = (tag: string): string => `test:{${tag}}:node:x`

const open = (cluster: ClusterSetup): Promise<TestClient> =>
  openClient({
    type: 'cluster',
    // The first seed is away, and the second may be a replica.
    nodes: [
      { host: '127.0.0.1', port: 1 },
      ...cluster.servers.slice(-1).map(({ port }) => ({ host: '127.0.0.1', port })),
    ],
  })

/** Publishes in all channels again and again, through a client of its own. */
const startPublishing = async (
  cluster: ClusterSetup,
): Promise<{ stop: () => Promise<void>; failures: () => number }> => {
  const { run } = await open(cluster)
  let failures = 0
  let n = 0
  const stop = repeat(50, async () => {
    n += 1
    const results = await Promise.allSettled(
      TAGS.map((tag) => run(publishSharded, [keyOf(tag)], channelOf(tag), String(n))),
    )
    failures += results.filter(({ status }) => status === 'rejected').length
  })
  return { stop, failures: () => failures }
}

/** Waits until every channel is received again. Returns the longest silence of a channel since `from`, in milliseconds. */
const untilAllReceived = async ({ messages }: TestClient, from: number): Promise<number> => {
  const after = performance.now()
  await until('each channel is received', () =>
    TAGS.every((tag) => messages.some(({ channel, at }) => channel === channelOf(tag) && at > after)),
  )
  return Math.max(
    ...TAGS.map((tag) => {
      const times = messages
        .filter(({ channel, at }) => channel === channelOf(tag) && at > from)
        .map(({ at }) => at)
      return Math.max(...times.map((at, n) => at - (times[n - 1] ?? from)))
    }),
  )
}

test('a cluster: scripts run at the master of their key, with two connections for each master', async () => {
  const cluster = await startCluster()
  const subscriber = await open(cluster)
  await subscriber.client.subscribe(TAGS.map(channelOf))
  const replies = await Promise.all(TAGS.map((tag) => subscriber.run(count, [keyOf(tag)], '1')))
  assert.deepEqual(new Set(replies), new Set([1]))
  await Promise.all(TAGS.map((tag) => subscriber.run(publishSharded, [keyOf(tag)], channelOf(tag), tag)))
  await until('each channel is received once', () => subscriber.messages.length, TAGS.length)
  assert.equal((await subscriber.client.info()).length, 3)
  for (const { server, isMaster } of await cluster.nodes()) {
    const clients = (await server.command('client', 'list', 'type', 'normal')).split('\n')
    const subscribers = (await server.command('client', 'list', 'type', 'pubsub')).split('\n')
    // Connections of redis-cli and the cluster's own replication do not count.
    const own = clients.filter((line) => line !== '' && !/cmd=client|cmd=null/.test(line))
    assert.equal(
      own.length + subscribers.filter((line) => line !== '').length,
      isMaster ? 2 : 0,
      clients.join('\n'),
    )
  }
})

test('slots that move under load: no call fails, no count is lost, and each channel is received again within seconds', async (context) => {
  const cluster = await startCluster()
  const subscriber = await open(cluster)
  await subscriber.client.subscribe(TAGS.map(channelOf))
  const publishing = await startPublishing(cluster)
  const { run, client } = await open(cluster)
  assert.ok(client.isCluster)
  const counts = new Map<string, number>()
  let failures = 0
  const stop = repeat(5, () =>
    Promise.all(
      TAGS.map(async (tag) => {
        try {
          const reply = await run(countWithMissing, [keyOf(tag), `test:{${tag}}:missing`], '1')
          const expected = (counts.get(tag) ?? 0) + 1
          counts.set(tag, expected)
          assert.equal(reply, expected)
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error
          failures += 1
        }
      }),
    ),
  )
  const from = performance.now()
  const [first, second] = await cluster.masters()
  assert.ok(first && second)
  const slots = TAGS.slice(0, 6).map(slotOf)
  await cluster.moveSlots(slots, second)
  await cluster.moveSlots(slots, first)
  // This slot stays half moved for a while.
  const move = await cluster.beginMove(slots[0] ?? 0, second)
  await new Promise((resolve) => setTimeout(resolve, 500))
  // A key that the first server lacks is created by the second one, which serves the slot only after ASKING.
  const created = await run(count, [`test:{${TAGS[0] ?? ''}}:new`], '1').catch((error: unknown) => error)
  await move.finish()
  const silence = await untilAllReceived(subscriber, from)
  context.diagnostic(`The longest silence of a channel: ${Math.round(silence)} ms.`)
  await stop()
  await publishing.stop()
  assert.equal(created, 1)
  assert.equal(failures, 0)
  assert.equal(publishing.failures(), 0)
  assert.ok(silence < 5_000, `${Math.round(silence)} ms`)
  assert.ok(subscriber.resubscribed() > 0)
})

test('a failover on demand: calls go on, and each channel is received again within seconds', async (context) => {
  const cluster = await startCluster()
  const subscriber = await open(cluster)
  await subscriber.client.subscribe(TAGS.map(channelOf))
  const publishing = await startPublishing(cluster)
  const from = performance.now()
  for (const master of await cluster.masters()) await cluster.failover(master)
  const silence = await untilAllReceived(subscriber, from)
  context.diagnostic(`The longest silence of a channel: ${Math.round(silence)} ms.`)
  await publishing.stop()
  assert.ok(silence < 5_000, `${Math.round(silence)} ms`)
  for (const tag of TAGS) assert.equal(await subscriber.run(count, [keyOf(tag)], '1'), 1)
})

test('a lost channel is reported, though another slot had no master when the channel was restored', async () => {
  const cluster = await startCluster({ settings: { 'cluster-require-full-coverage': 'no' } })
  const { client, resubscribed } = await open(cluster)
  const [lost = '', later = ''] = [TAGS[0], TAGS.at(-1)]
  await client.subscribe([channelOf(lost)])
  const [{ server }, owner] = [await cluster.masterOf(slotOf(lost)), await cluster.masterOf(slotOf(later))]
  const others = cluster.servers.filter((other) => other !== owner.server)
  for (const each of [owner.server, ...others]) await each.command('cluster', 'delslots', slotOf(later))
  const subscribed = client.subscribe([channelOf(later)])
  const receivers = async () =>
    (await server.command('pubsub', 'shardnumsub', channelOf(lost))).split('\n')[1]
  await server.command('client', 'kill', 'type', 'pubsub')
  await until('the channel is restored', receivers, '1')
  assert.equal(resubscribed(), 0)
  await owner.server.command('cluster', 'addslots', slotOf(later))
  await subscribed
  await until('the loss is reported', () => resubscribed() > 0)
})

for (const fault of ['killed', 'stopped'] as const)
  test(`a master that is ${fault}: calls for it fail within the time limit, others go on, and its replica takes over`, async (context) => {
    const cluster = await startCluster()
    const subscriber = await open(cluster)
    await subscriber.client.subscribe(TAGS.map(channelOf))
    const publishing = await startPublishing(cluster)
    const master = await cluster.masterOf(slotOf(TAGS[0] ?? ''))
    const other = TAGS.at(-1) ?? ''
    const from = performance.now()
    if (fault === 'killed') await master.server.kill()
    else master.server.pause()
    const [own, others] = await Promise.allSettled([
      subscriber.run(count, [keyOf(TAGS[0] ?? '')], '1'),
      subscriber.run(count, [keyOf(other)], '1'),
    ])
    assert.deepEqual(others, { status: 'fulfilled', value: 1 })
    if (own.status === 'rejected') assert.equal((own.reason as { code?: unknown }).code, 'unavailable')
    await until(
      'the replica has taken over',
      async () => {
        const others = cluster.servers.filter((server) => server !== master.server)
        const nodes = await cluster.nodes(others[0])
        return nodes.filter(({ isMaster, failed, ranges }) => isMaster && !failed && ranges.length > 0).length
      },
      3,
    )
    const silence = await untilAllReceived(subscriber, from)
    context.diagnostic(`The longest silence of a channel: ${Math.round(silence)} ms.`)
    await publishing.stop()
    assert.ok(silence < 12_000, `${Math.round(silence)} ms`)
    assert.ok(subscriber.resubscribed() > 0)
    for (const tag of TAGS.slice(0, -1)) await subscriber.run(count, [keyOf(tag)], '1')
    // The old master is a replica when it is back, and no channel is lost.
    if (fault === 'killed') await master.server.start()
    else master.server.resume()
    await cluster.settled()
    await Promise.all(TAGS.map((tag) => subscriber.run(publishSharded, [keyOf(tag)], channelOf(tag), 'last')))
    await until('each channel is received', () =>
      TAGS.every((tag) =>
        subscriber.messages.some(({ channel, message }) => channel === channelOf(tag) && message === 'last'),
      ),
    )
  })
