// Who watches a user hears of changes on every node, whatever is lost, and Redis publishes once for each node.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine, UserRef } from '../../../../src/engine/index.js'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import type { RedisClient } from '../../../../src/engine/redis/client/port.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { ada, bob, request, start, startSession } from '../../../../src/engine/suite/kit.js'
import { Watchers } from '../../../../src/gateway/sessions/presence/watchers.js'
import { startPair } from '../../../support/redis/replication.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const server = await standalone()

interface Node {
  engine: Engine
  client: RedisClient
  /** The changes of presence that the engine has emitted. */
  seen: string[]
  /** How far the clock of the engine is set forward. */
  clock: { shift: number }
}

interface NodeOptions {
  url?: string
  prefix: string
  compareInterval?: number
  clock?: { shift: number }
  /** Whether a published text is lost on its way to this node. */
  isLost?: (message: string) => boolean
}

const openNode = async ({
  url = server.url,
  prefix,
  compareInterval,
  clock = { shift: 0 },
  isLost = () => false,
}: NodeOptions): Promise<Node> => {
  const client = createRedisClient({ type: 'single', url })
  const open = client.open.bind(client)
  client.open = (events) =>
    open({
      ...events,
      onMessage: (channel, message) => {
        if (!isLost(message)) events.onMessage(channel, message)
      },
    })
  const engine = createSharedEngine({
    client: () => client,
    prefix,
    compareInterval,
    clockShift: () => clock.shift,
    // Calls fail while Redis is away, and those of a node that is killed.
    onError: () => undefined,
  })
  const seen: string[] = []
  engine.listen((event) => {
    if (event.type === 'presence') seen.push(`${event.user.userId} ${event.online ? 'online' : 'offline'}`)
  }, new AbortController().signal)
  await engine.open()
  return { engine, client, seen, clock }
}

const close = (...nodes: Node[]): Promise<unknown> => Promise.all(nodes.map(({ engine }) => engine.close()))

const isOnline = async ({ engine }: Node, of: UserRef): Promise<boolean | undefined> =>
  (await engine.watch([of]))[0]?.online

/** How often Redis has run a command. */
const callsOf = async (command: string): Promise<number> =>
  Number(
    new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(
      await server.command('info', 'commandstats'),
    )?.[1] ?? 0,
  )

it('publishes a change once for each node that watches, however many sessions watch there', async () => {
  const nodes = [
    await openNode({ prefix: 'many:' }),
    await openNode({ prefix: 'many:' }),
    await openNode({ prefix: 'many:' }),
  ] as const
  const [one, two, three] = nodes
  try {
    let told = 0
    const count = 10_000
    const before = await callsOf('zadd')
    for (const { engine } of [one, two]) {
      const watchers = new Watchers(engine)
      engine.listen((event) => {
        if (event.type === 'presence') watchers.onEvent(event)
      }, new AbortController().signal)
      await Promise.all(
        Array.from({ length: count }, () =>
          watchers.add(
            {
              onReload: () => undefined,
              onPresence: () => (told += Number(watchers.presenceOf(bob).online)),
            },
            bob.appId,
            [bob.userId],
          ),
        ),
      )
    }
    // The beats of the nodes run meanwhile.
    assert.ok((await callsOf('zadd')) - before < 100)
    const published = await callsOf('publish')
    await start(three.engine, bob)
    await until('all are told', () => told, 2 * count)
    assert.equal((await callsOf('publish')) - published, 2)
  } finally {
    await close(...nodes)
  }
})

it('forgets a node that watches no longer, and one that was killed', async () => {
  const clock = { shift: 0 }
  const nodes = [
    await openNode({ prefix: 'gone:', clock }),
    await openNode({ prefix: 'gone:', clock }),
  ] as const
  const [one, two] = nodes
  try {
    await one.engine.watch([bob])
    await two.engine.watch([bob])
    one.engine.unwatch([bob])
    await two.client.close()
    // Longer than a watch is kept that nobody renews.
    clock.shift += 60_000
    const published = await callsOf('publish')
    await start(one.engine, bob)
    assert.equal(await callsOf('publish'), published)
    assert.deepEqual(one.seen, [])
  } finally {
    await close(...nodes)
  }
})

it('tells within 22 seconds that a user is offline whose node was killed, and not before 20', async () => {
  const clock = { shift: 0 }
  const nodes = [
    await openNode({ prefix: 'killed:', clock }),
    await openNode({ prefix: 'killed:', clock }),
  ] as const
  const [one, two] = nodes
  try {
    await startSession(two.engine, request(bob))
    assert.equal(await isOnline(one, bob), true)
    await two.client.close()
    const killedAt = performance.now()
    const since = (): number => performance.now() - killedAt + clock.shift
    clock.shift += 18_000
    const stateOf = async (): Promise<string | undefined> => (await one.engine.sessions(bob))[0]?.state
    await until('the session is detached', stateOf, 'detached')
    // A busy machine may need more than the seconds that are left.
    if (since() < 20_000) assert.deepEqual(one.seen, [])
    clock.shift += 3_000
    await until('bob is offline', () => one.seen.join(), 'bob offline')
    // From the end of the lease it would be 30 seconds. The sweep and a busy machine need some of the time between.
    assert.ok(since() < 28_000, `${since()} ms`)
  } finally {
    await close(...nodes)
  }
})

it('finds a change whose publication was lost with the next renewal', async () => {
  let isLossy = false
  const nodes = [
    await openNode({ prefix: 'lost:', compareInterval: 1_000, isLost: () => isLossy }),
    await openNode({ prefix: 'lost:' }),
  ] as const
  const [one, two] = nodes
  try {
    await one.engine.watch([bob, ada])
    isLossy = true
    const session = await start(two.engine, bob)
    await until('bob is online', () => one.seen.join(), 'bob online')
    isLossy = false
    await two.engine.endSession(session, 'ended')
    await until('bob is offline', () => one.seen.join(), 'bob online,bob offline')
  } finally {
    await close(...nodes)
  }
})

it('is right after a failover to a master that lacks a start, an end and the watches', async () => {
  const pair = await startPair()
  const options = { url: pair.url, prefix: 'failover:' }
  const nodes = [await openNode(options), await openNode(options)] as const
  const [one, two] = nodes
  try {
    const ended = await startSession(two.engine, request(ada))
    await pair.cut()
    await one.engine.watch([ada, bob])
    await startSession(two.engine, request(bob))
    await two.engine.endSession(ended, 'ended')
    await until('both are told', () => one.seen.join(), 'bob online,ada offline')
    await pair.failOver()
    const stateOf = async (of: UserRef): Promise<string> =>
      (await one.engine.sessions(of).catch(() => [{ state: 'unavailable' }])).map(({ state }) => state).join()
    await until('the start is made again', () => stateOf(bob), 'active')
    await until('the end is made again', () => stateOf(ada), '')
    const lastOf = (userId: string): string | undefined =>
      one.seen.findLast((text) => text.startsWith(userId))
    await until('the watch is right', () => [lastOf('bob'), lastOf('ada')].join(), 'bob online,ada offline')
    // The watches of the new master work.
    for (const { sessionId } of await two.engine.sessions(bob))
      await two.engine.endSession({ ...bob, sessionId }, 'ended')
    await until('bob is offline', () => lastOf('bob'), 'bob offline')
    assert.equal(await isOnline(one, ada), false)
  } finally {
    await close(...nodes)
  }
})
