// Three gateways on one Redis are killed, stopped and drained at random under load.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'
import { startCrowd } from './chat-user.js'
import { gatewayNode, startBalancer, type GatewayNode } from './gateway-nodes.js'
import { createRandom, seed, shuffled } from '../../support/seeded-random.js'
import { startVisitors } from './visitors.js'
import { startWebhookLog } from './webhook-log.js'

/** Milliseconds after which the other gateways count one as dead, as docs/SCALING.md says. */
const LEASE = 10_000
const USERS = ['ann', 'bob', 'cid', 'dora', 'eve', 'fay']
/** This is longer than an event waits for another delivery if its gateway was killed. */
const WEBHOOKS_TIMEOUT = 150_000

type Fault = (node: GatewayNode, random: () => number) => Promise<void>

const faults: Record<string, Fault> = {
  async kill(node, random) {
    await node.stop('SIGKILL')
    await pause(2_000 * random())
    await node.start()
  },
  async drain(node) {
    assert.equal(await node.stop('SIGTERM'), 0)
    await node.start()
  },
  async stopForLess(node, random) {
    node.pause()
    await pause(0.5 * LEASE * random())
    await node.resume()
  },
  async stopForLonger(node, random) {
    node.pause()
    await pause(LEASE + 2_000 + 2_000 * random())
    await node.resume()
  },
}

/** The faults are shuffled before they are made. */
const PLAN = ['kill', 'kill', 'drain', 'drain', 'stopForLess', 'stopForLess', 'stopForLonger', 'kill']

test(`gateways that are killed, stopped and drained lose no message and end each session once (FAULT_SEED=${seed})`, async (context) => {
  const random = createRandom(seed)
  const redis = await standalone()
  const webhooks = await startWebhookLog()
  const engine = { type: 'redis', url: redis.url } as const
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => gatewayNode({ name, engine, webhooks })))
  await Promise.all(nodes.map((node) => node.start()))
  const { url } = await startBalancer(nodes)
  const crowd = await startCrowd(url, USERS)
  const visitors = startVisitors(url, 2, random)

  for (const name of shuffled(PLAN, random)) {
    const node = nodes[Math.floor(nodes.length * random())]
    assert.ok(node)
    context.diagnostic(`${name} ${node.name}`)
    const before = crowd.acknowledged()
    await faults[name]?.(node, random)
    await until('messages are acknowledged', () => crowd.acknowledged() > before + 10)
  }
  await visitors.stop()
  const { count } = await crowd.finish()
  assert.deepEqual(visitors.faults, [])
  await Promise.all(crowd.users.map((user) => user.end()))

  const idsOf = (type: string): string[] => webhooks.events(type).map(({ data }) => String(data.sessionId))
  const unended = (): string[] => {
    const ended = new Set(idsOf('session.ended'))
    return [...idsOf('session.started'), ...visitors.sessions].filter((id) => !ended.has(id))
  }
  await until('every session has ended', () => unended().join(), '', WEBHOOKS_TIMEOUT)
  context.diagnostic(`${count} messages, ${idsOf('session.started').length} sessions`)
  for (const type of ['session.started', 'session.ended']) {
    const ids = idsOf(type)
    assert.deepEqual(
      ids.filter((id, n) => ids.indexOf(id) !== n),
      [],
      `each session has one event ${type}`,
    )
  }
  for (const userId of USERS)
    assert.equal(
      webhooks.events('session.started').filter((event) => event.userId === userId).length,
      1,
      `${userId} has kept the session`,
    )
  const started = new Set(idsOf('session.started'))
  assert.deepEqual(
    [...visitors.sessions].filter((id) => !started.has(id)),
    [],
    'the start of every session is reported',
  )
  assert.deepEqual(webhooks.repeats(), [])
})
