// Who watches a user hears of changes on every node, whatever is lost, and Redis publishes once for each node.
import { keysOf, withServer, type OpenNode, type SimulatedNode } from '../../support/redis/simulated/nodes.js'
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { UserRef } from '../../../src/engine/index.js'
import { STATE } from '../../../src/engine/redis/fields.js'
import { ada, bob, request, start, startSession } from '../../../src/engine/suite/kit.js'
import { Watchers } from '../../../src/gateway/sessions/presence/watchers.js'
import { until } from '../../support/until.js'

interface Node extends SimulatedNode {
  /** The changes of presence that the engine has emitted. */
  seen: string[]
}

const openNode = async (open: OpenNode, options?: Parameters<OpenNode>[0]): Promise<Node> => {
  const node = Object.assign(await open(options), { seen: [] as string[] })
  node.engine.listen((event) => {
    if (event.type === 'presence')
      node.seen.push(`${event.user.userId} ${event.online ? 'online' : 'offline'}`)
  }, new AbortController().signal)
  return node
}

it('publishes a change once for each node that watches, however many sessions watch there', () =>
  withServer(async (server, open) => {
    let watches = 0
    const before = (name: string): void => void (watches += Number(name === 'watch'))
    const [one, two, three] = [await open({ before }), await open({ before }), await open()]
    let told = 0
    const count = 10_000
    for (const { engine } of [one, two]) {
      const watchers = new Watchers(engine)
      engine.listen((event) => {
        if (event.type === 'presence') watchers.onEvent(event)
      }, new AbortController().signal)
      const watcher = {
        onReload: () => undefined,
        onPresence: () => (told += Number(watchers.presenceOf(bob).online)),
      }
      await Promise.all(
        Array.from({ length: count }, () => watchers.add({ ...watcher }, bob.appId, [bob.userId])),
      )
    }
    assert.ok(watches < 100, `${watches} calls`)
    const { published } = server
    await start(three.engine, bob)
    await until('all are told', () => told, 2 * count)
    assert.equal(server.published - published, 2)
  }))

it('forgets a node that watches no longer, and one that was killed', () =>
  withServer(async (server, open) => {
    let shift = 0
    const clockShift = (): number => shift
    const [one, two] = [await openNode(open, { clockShift }), await open({ clockShift })]
    await one.engine.watch([bob])
    await two.engine.watch([bob])
    one.engine.unwatch([bob])
    two.client.disconnect()
    // Longer than a watch is kept that nobody renews.
    shift = 60_000
    const { published } = server
    await start(one.engine, bob)
    assert.equal(server.published, published)
    assert.deepEqual(one.seen, [])
  }))

it('tells within 22 seconds that a user is offline whose node was killed, and not before 20', () =>
  withServer(async (_server, open) => {
    const [one, two] = [await openNode(open), await open()]
    await startSession(two.engine, request(bob))
    assert.equal((await one.engine.watch([bob]))[0]?.online, true)
    two.client.disconnect()
    const killedAt = performance.now()
    await until('bob is offline', () => one.seen.join(), 'bob offline')
    const after = performance.now() - killedAt
    // The node was last known to live a second before it was killed.
    assert.ok(after > 19_000 && after < 22_000, `${after} ms`)
  }))

/** With this interval no watch is renewed for its time. */
const compareInterval = 1_000_000

for (const isSubscribedAgain of [true, false])
  it(`finds a change whose publication was lost ${isSubscribedAgain ? 'when it subscribes again' : 'with the next renewal'}`, () =>
    withServer(async (_server, open) => {
      const one = await openNode(open, { compareInterval: isSubscribedAgain ? compareInterval : 1_000 })
      const two = await open()
      await one.engine.watch([bob, ada])
      one.hears = false
      const session = await start(two.engine, bob)
      await until('the text is lost', () => one.texts > 0)
      if (isSubscribedAgain) one.client.onStarted()
      await until('bob is online', () => one.seen.join(), 'bob online')
      one.hears = true
      await two.engine.endSession(session, 'ended')
      await until('bob is offline', () => one.seen.join(), 'bob online,bob offline')
    }))

it('is right after a failover to a master that lacks a start, an end and the watches', () =>
  withServer(async (server, open) => {
    const [one, two] = [await openNode(open, { compareInterval }), await open()]
    const ended = await startSession(two.engine, request(ada))
    const copy = server.save()
    await one.engine.watch([ada, bob])
    await startSession(two.engine, request(bob))
    await two.engine.endSession(ended, 'ended')
    await until('both are told', () => one.seen.join(), 'bob online,ada offline')
    server.restore(copy)
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
    assert.equal((await one.engine.watch([ada]))[0]?.online, false)
  }))

it('is renewed when the history of the server changes, though no connection was lost', () =>
  withServer(async (server, open) => {
    const [one, two] = [await openNode(open, { compareInterval }), await open()]
    await one.engine.watch([bob])
    const watches = (): string[] => server.keys(`${keysOf(bob)}watch`)
    for (const key of watches()) server.command('DEL', key)
    server.command('HSET', `${keysOf()}state`, STATE.history, 'another')
    await until('the watch is stored again', () => watches().length > 0)
    await start(two.engine, bob)
    await until('bob is online', () => one.seen.join(), 'bob online')
  }))

it('outlives the time for which Redis keeps a watch that no node renews', () =>
  withServer(async (_server, open) => {
    const [one, two] = [await openNode(open, { compareInterval: 1_000 }), await open()]
    await one.engine.watch([bob])
    await pause(10_000)
    await start(two.engine, bob)
    await until('bob is online', () => one.seen.join(), 'bob online')
  }))
