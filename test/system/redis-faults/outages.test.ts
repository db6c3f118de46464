// The Redis of three gateways is restarted and paused, and links to it are cut, under load.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startProxy, type Proxy, type Wire } from '../../support/network/proxy.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'
import { startCrowd } from './chat-user.js'
import { gatewayNode, startBalancer } from './gateway-nodes.js'
import { startWitness } from './outage.js'
import { startWebhookLog } from './webhook-log.js'

const USERS = ['ann', 'bob', 'cid', 'dora', 'eve', 'fay']
/** Milliseconds after which the other gateways count one as dead, as docs/SCALING.md says. */
const LEASE = 10_000
const WEBHOOKS_TIMEOUT = 150_000

/** A link between a gateway and Redis. */
const startLink = async (url: string) => {
  let mode: 'open' | 'cut' | 'silent' = 'open'
  const silence = ({ up, down }: Wire): void => {
    up.stall()
    down.stall()
  }
  const proxy: Proxy = await startProxy(
    url.replace('redis:', 'http:'),
    () => mode === 'cut',
    (wire) => {
      if (mode === 'silent') silence(wire)
    },
  )
  return {
    url: proxy.url.replace('http:', 'redis:'),
    /** Ends its connections, and refuses others. */
    cut() {
      mode = 'cut'
      proxy.cut()
    },
    /** Keeps its connections, and forwards nothing. */
    silence() {
      mode = 'silent'
      proxy.wires.forEach(silence)
    },
    open() {
      mode = 'open'
      for (const { up, down } of proxy.wires) {
        up.flow()
        down.flow()
      }
    },
  }
}

test('Redis that is restarted, paused and cut off loses no acknowledged message and ends no session', async (context) => {
  // Redis replies to a write after it has written the file.
  const redis = await standalone({ settings: { appendonly: 'yes', appendfsync: 'always' } })
  const webhooks = await startWebhookLog()
  const names = ['a', 'b', 'c']
  const links = await Promise.all(names.map(() => startLink(redis.url)))
  const nodes = await Promise.all(
    names.map((name, n) =>
      gatewayNode({ name, engine: { type: 'redis', url: links[n]?.url ?? '' }, webhooks }),
    ),
  )
  await Promise.all(nodes.map((node) => node.start()))
  const { url } = await startBalancer(nodes)
  const crowd = await startCrowd(url, USERS)
  const witnesses = await Promise.all(nodes.map((node) => startWitness(node, `witness of ${node.name}`)))

  /** Makes an outage for some gateways, and waits until they have recovered. */
  const outage = async (
    what: string,
    begin: () => Promise<void> | void,
    end: () => Promise<void> | void,
    whose = witnesses,
  ): Promise<void> => {
    const startedAt = performance.now()
    for (const name of names) webhooks.onFault(name)
    await begin()
    try {
      await Promise.all(whose.map((witness) => witness.seesOutage()))
    } finally {
      await end()
    }
    for (const name of names) webhooks.onFault(name)
    await Promise.all(whose.map((witness) => witness.seesRecovery()))
    const before = crowd.acknowledged()
    await until(`messages are acknowledged after ${what}`, () => crowd.acknowledged() > before + 50)
    context.diagnostic(`${what}: ${Math.round(performance.now() - startedAt)} ms`)
  }

  await outage(
    'a restart',
    () => redis.kill('SIGTERM'),
    () => redis.start(),
  )
  await outage(
    'a crash',
    () => redis.kill('SIGKILL'),
    () => redis.start(),
  )
  await outage(
    'a pause',
    () => redis.pause(),
    () => redis.resume(),
  )
  await outage(
    'a pause longer than the lease',
    async () => {
      redis.pause()
      await pause(LEASE + 2_000)
    },
    () => redis.resume(),
  )
  await outage(
    'a restart after more than the lease',
    async () => {
      await redis.kill('SIGTERM')
      await pause(LEASE + 2_000)
    },
    () => redis.start(),
  )
  await outage(
    'cut links',
    () => links.forEach((link) => link.cut()),
    () => links.forEach((link) => link.open()),
  )
  await outage(
    'silent links',
    () => links.forEach((link) => link.silence()),
    () => links.forEach((link) => link.open()),
  )

  // One gateway is cut off for longer than its lease: the others count it as dead.
  const [first, link] = [nodes[0], links[0]]
  const whose = witnesses.slice(0, 1)
  const isLeaseLost = (): boolean => first?.log().includes('others took over its sessions') ?? false
  await outage(
    'a cut link of one gateway',
    async () => {
      link?.cut()
      await pause(LEASE + 2_000)
    },
    async () => {
      link?.open()
      await until('the gateway notices that its lease was lost', isLeaseLost)
    },
    whose,
  )

  const { count } = await crowd.finish()
  assert.deepEqual(
    webhooks.events('session.ended').filter(({ userId }) => !userId.endsWith('-late')),
    [],
    'no session has ended',
  )
  await Promise.all(crowd.users.map((user) => user.end()))
  const ended = (): string[] => webhooks.events('session.ended').map(({ userId }) => userId)
  await until(
    'each end is reported',
    () => USERS.filter((userId) => !ended().includes(userId)).join(),
    '',
    WEBHOOKS_TIMEOUT,
  )
  for (const userId of USERS)
    for (const type of ['session.started', 'session.ended'])
      assert.equal(
        webhooks.events(type).filter((event) => event.userId === userId).length,
        1,
        `${userId} has one ${type}`,
      )
  assert.deepEqual(webhooks.repeats(), [])
  context.diagnostic(`${count} messages`)
})
