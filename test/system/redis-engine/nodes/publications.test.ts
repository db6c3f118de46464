// What scripts publish to a node is numbered: a node notices what does not reach it, and only the node of a connection knows how it is.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine, EngineEvent, SessionRecord } from '../../../../src/engine/index.js'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  bob,
  deliver,
  request,
  start,
  startSession,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { hookedClient } from '../../../support/redis/hooked-client.js'
import { startSingleAndCluster } from '../../../support/redis/single-and-cluster.js'
import { until } from '../../../support/until.js'

const { server, settings } = await startSingleAndCluster()

interface Node {
  engine: Engine
  events: EngineEvent[]
  /** Whether what is published reaches the node. */
  hears: boolean
  /** How many published texts did not reach it. */
  lost: number
  /** The scripts that the node has run. */
  scripts: string[]
  /** Milliseconds for which the node's next questions for the numbers of texts are held back, each in its turn. */
  pauses: number[]
  /** How many of these questions are held back now. */
  held: number
}

for (const { name, options } of settings)
  void describe(name, () => {
    const openNode = async (prefix: string): Promise<Node> => {
      const client = hookedClient(options, async (script) => {
        node.scripts.push(script)
        if (script !== 'published') return
        node.held++
        await delay(node.pauses.shift())
        node.held--
      })
      const open = client.open.bind(client)
      client.open = (events) =>
        open({
          ...events,
          onMessage: (...args) => {
            if (node.hears) events.onMessage(...args)
            else node.lost++
          },
        })
      const engine = createSharedEngine({
        ...{ client: () => client, prefix, compareInterval: 1_000, onError: assert.ifError },
      })
      const node: Node = { engine, events: [], hears: true, lost: 0, scripts: [], pauses: [], held: 0 }
      engine.listen((event) => node.events.push(event), new AbortController().signal)
      await engine.open()
      return node
    }

    const onTwo = (what: string, body: (one: Node, two: Node) => Promise<void>): void =>
      void it(what, async () => {
        const prefix = `${randomUUID()}:`
        const nodes = [await openNode(prefix), await openNode(prefix)] as const
        try {
          await body(...nodes)
        } finally {
          await Promise.all(nodes.map(({ engine }) => engine.close()))
        }
      })

    const messagesTo = ({ events }: Node, userId: string): number[] =>
      events.flatMap((event) =>
        event.type === 'message' && event.user.userId === userId ? [event.message.offset] : [],
      )

    onTwo('a message that did not reach the node is emitted within the interval, once', async (one, two) => {
      await start(two.engine, bob)
      two.hears = false
      await deliver(one.engine, { from: null })
      await deliver(one.engine, { from: null })
      await until('both are lost', () => two.lost, 2)
      two.hears = true
      await until('both messages', () => messagesTo(two, bob.userId).length, 2)
      await deliver(one.engine, { from: null })
      await until('the third one', () => messagesTo(two, bob.userId).length, 3)
      assert.deepEqual(messagesTo(two, bob.userId), [1, 2, 3])
    })

    // In a cluster each server has a question of its own.
    if (options.type === 'single')
      onTwo(
        'a lost message is emitted although a reply comes soon after the one before',
        async (one, two) => {
          await start(two.engine, bob)
          two.pauses = Array.from({ length: 10 }, (_, n) => 4_000 - 400 * n)
          two.hears = false
          await deliver(one.engine, { from: null })
          await until('it is lost', () => two.lost, 1)
          two.hears = true
          await until('the message', () => messagesTo(two, bob.userId).length, 1)
          assert.ok(two.pauses.length > 0, 'while each reply takes less time than the one before')
          two.pauses = []
          await until('no question is held back', () => two.held, 0)
        },
      )

    onTwo('the end of a session that did not reach the node is noticed too', async (one, two) => {
      const session = await start(two.engine, bob)
      two.hears = false
      await one.engine.endSession(session, 'revoked')
      await until('the event is lost', () => two.lost, 1)
      two.hears = true
      await until('the end', () => two.events.some(({ type }) => type === 'session-ended'))
    })

    onTwo('a request for other credentials that did not reach the node is made again', async (one, two) => {
      const sessions: SessionRecord[] = []
      for (const of of [ada, bob]) sessions.push(await start(two.engine, of))
      two.hears = false
      await one.engine.revokeUser(ada, { issuedBefore: null, mode: 'reauth' })
      await one.engine.revokeApp(ada.appId, { issuedBefore: null, mode: 'reauth' })
      await until('the events are lost', () => two.lost, 3)
      // The credential of this session is not revoked.
      await start(two.engine, { ...ada, userId: 'cy' })
      two.hears = true
      const asked = (): string[] =>
        two.events.flatMap((event) => (event.type === 'reauth' ? event.session.sessionId : []))
      await until('both sessions are asked', () => new Set(asked()).size, 2)
      assert.deepEqual(
        [...new Set(asked())].toSorted(),
        sessions.map(({ sessionId }) => sessionId).toSorted(),
      )
    })

    onTwo('a read mark and a profile that did not reach the node are emitted, and once', async (one, two) => {
      await one.engine.saveUser(ada, {})
      await start(two.engine, ada)
      await start(two.engine, bob)
      await deliver(one.engine, { from: null })
      await until('the message', () => messagesTo(two, bob.userId).length, 1)
      const { epoch } = await one.engine.inbox(bob)
      const marks = (): number[] =>
        two.events.flatMap((event) =>
          event.type === 'read' && event.user.userId === bob.userId ? [event.inbox.unread] : [],
        )
      const names = (): unknown[] =>
        two.events.flatMap((event) =>
          event.type === 'user-changed' && event.user.userId === bob.userId ? [event.user.claimed.name] : [],
        )
      two.hears = false
      await one.engine.markPeerRead(bob, null, { epoch, offset: 1 })
      await one.engine.saveUser(bob, { claimed: { name: 'Bob' } })
      await until('the events are lost', () => two.lost, 2)
      two.hears = true
      await until('the mark', () => String(marks()), '0')
      await until('the profile', () => String(names()), 'Bob')
      const adas = (): unknown[] =>
        two.events.flatMap((event) =>
          event.type === 'user-changed' && event.user.userId === ada.userId ? [event.user.claimed.name] : [],
        )
      for (const lost of [3, 4]) {
        two.hears = false
        await one.engine.saveUser(ada, { claimed: { name: 'Countess' } })
        await until('another event is lost', () => two.lost, lost)
        two.hears = true
        await until('it is emitted', () => adas().at(-1), 'Countess')
        // The next loss is noticed, though the profile is then as it was at this one.
        await one.engine.saveUser(ada, { claimed: { name: 'Ada' } })
        await until('an event that comes', () => adas().at(-1), 'Ada')
      }
      assert.deepEqual([marks(), names()], [[0], ['Bob']])
    })

    onTwo('a text that does reach the node shows what was lost before it', async (one, two) => {
      await start(two.engine, bob)
      await start(two.engine, ada)
      two.hears = false
      await deliver(one.engine, { from: null })
      await until('the message is lost', () => two.lost, 1)
      two.hears = true
      // In a cluster another server may publish this one.
      for (let n = 0; n < 3; n++) await deliver(one.engine, { from: null, to: ada.userId })
      await until('the lost message', () => messagesTo(two, bob.userId).length, 1)
      await until('the others', () => messagesTo(two, ada.userId).length, 3)
    })

    onTwo('nothing is missed, and no call is for a user, while sessions are idle', async (_one, two) => {
      for (let n = 0; n < 50; n++) await start(two.engine, { ...ada, userId: `user ${n}` })
      two.scripts.length = 0
      await until('three checks', () => two.scripts.filter((script) => script === 'published').length >= 9)
      const idle = ['published', 'beat', 'listDue', 'listAging', 'readCounts', 'listHistories']
      assert.deepEqual(
        [...new Set(two.scripts)].filter((script) => !idle.includes(script)),
        [],
      )
      assert.ok(!two.scripts.includes('listHistories'), 'no recovery')
    })

    onTwo('a node says when its connections answered last, and others ask it', async (one, two) => {
      const asked = request(ada)
      const session = await startSession(two.engine, asked)
      await until('a later time', () => Date.now() > session.lastSeenAt + 1)
      await two.engine.touchSession(session, 'another connection', { rtt: 7 })
      assert.equal((await one.engine.sessions(ada))[0]?.rtt, null)
      await two.engine.touchSession(session, asked.connectionId, { rtt: 8 })
      for (const { engine } of [one, two]) {
        const [found] = await engine.sessions(ada)
        assert.equal(found?.rtt, 8)
        assert.ok(found.lastSeenAt > session.lastSeenAt)
        assert.deepEqual((await engine.appSessions(ada.appId, null, 10)).sessions, [found])
      }
    })

    onTwo('sessions of a node that does not answer are listed as Redis has them', async (one, two) => {
      const asked = request(ada)
      const session = await startSession(two.engine, asked)
      await two.engine.touchSession(session, asked.connectionId, { rtt: 8 })
      two.hears = false
      const [found] = await one.engine.sessions(ada)
      assert.deepEqual([found?.state, found?.rtt, found?.lastSeenAt], ['active', null, session.lastSeenAt])
      await assert.rejects(two.engine.check(), { code: 'unavailable', message: /publishes nothing/ })
    })
  })

it('a text that somebody publishes by hand is reported, and ends no node', async () => {
  const errors: unknown[] = []
  const prefix = `${randomUUID()}:`
  const engine = createSharedEngine({
    client: () => createRedisClient({ type: 'single', url: server.url }),
    ...{ prefix, onError: (error: unknown) => errors.push(error) },
  })
  await whileOpen(engine, async () => {
    for (const text of ['hello', 'a 1 null']) await server.command('publish', `${prefix}channel:all`, text)
    await until('the texts are reported', () => errors.length, 2)
    await engine.check()
  })
})

it('numbers begin again with the library, and nothing is lost', async () => {
  const prefix = `${randomUUID()}:`
  const [one, two] = [1, 2].map(() =>
    createSharedEngine({
      client: () => createRedisClient({ type: 'single', url: server.url }),
      ...{ prefix, compareInterval: 1_000, onError: assert.ifError },
    }),
  )
  assert.ok(one && two)
  await Promise.all([one.open(), two.open()])
  const offsets: number[] = []
  two.listen((event) => {
    if (event.type === 'message') offsets.push(event.message.offset)
  }, new AbortController().signal)
  await start(two, bob)
  for (let n = 0; n < 3; n++) {
    await deliver(one, { from: null })
    const [library = ''] = /chat_session_\w{12}\b/.exec(await server.command('function', 'list')) ?? []
    await server.command('function', 'delete', library)
  }
  await deliver(one, { from: null })
  await until('all messages', () => offsets.length, 4)
  assert.deepEqual(offsets, [1, 2, 3, 4])
  await Promise.all([one.close(), two.close()])
})
