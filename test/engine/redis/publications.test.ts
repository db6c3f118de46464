// What scripts publish to a node is numbered: a node notices what does not reach it, and only the node of a connection knows how it is.
import { keysOf, withServer, type SimulatedNode } from '../../support/redis/simulated/nodes.js'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { EngineError, type SessionRequest } from '../../../src/engine/index.js'
import type { Reply } from '../../../src/engine/redis/client/port.js'
import { Partitions } from '../../../src/engine/redis/nodes/partitions.js'
import {
  ada,
  app,
  bob,
  deliver,
  nextEvents,
  recordOf,
  request,
  start,
  startSession,
} from '../../../src/engine/suite/kit.js'
import { FEW_PARTITIONS } from '../../support/redis/engines.js'
import type { SimulatedServer } from '../../support/redis/simulated/server.js'
import { until } from '../../support/until.js'

interface Node extends SimulatedNode {
  /** The scripts that the node has run, and with how many keys. */
  scripts: { name: string; keys: number }[]
  /** Milliseconds for which the node's next questions for the numbers of texts are held back, each in its turn. */
  pauses: number[]
}

const messagesTo = ({ events }: SimulatedNode, userId: string): number[] =>
  events.flatMap((event) =>
    event.type === 'message' && event.user.userId === userId ? [event.message.offset] : [],
  )

/** Has a node hear nothing while `work` publishes this many texts to it. */
const unheard = async (node: SimulatedNode, texts: number, work: () => Promise<unknown>): Promise<void> => {
  const before = node.texts
  node.hears = false
  await work()
  await until('the texts are lost', () => node.texts - before, texts)
  node.hears = true
}

for (const isCluster of [false, true])
  void describe(isCluster ? 'in a cluster' : 'on one server', () => {
    const onTwo = (
      what: string,
      body: (one: Node, two: Node, server: SimulatedServer) => Promise<void>,
      compareInterval = 1_000,
    ): void =>
      void it(what, () =>
        withServer(async (server, open) => {
          const openNode = async (): Promise<Node> => {
            const more = { scripts: [] as Node['scripts'], pauses: [] as number[] }
            const node = await open({
              ...{ isCluster, compareInterval, onError: assert.ifError },
              before: async (name, { keys }) => {
                more.scripts.push({ name, keys: keys.length })
                if (name === 'published') await pause(more.pauses.shift() ?? 0)
              },
            })
            return Object.assign(node, more)
          }
          await body(await openNode(), await openNode(), server)
        }),
      )

    onTwo('a message that did not reach the node is emitted within the interval, once', async (one, two) => {
      await start(two.engine, bob)
      await unheard(two, 2, async () => {
        for (let n = 0; n < 2; n++) await deliver(one.engine, { from: null })
      })
      await until('both messages', () => messagesTo(two, 'bob').length, 2)
      await deliver(one.engine, { from: null })
      await until('the third one', () => messagesTo(two, 'bob').length, 3)
      assert.deepEqual(messagesTo(two, 'bob'), [1, 2, 3])
    })

    // In a cluster each server has a question of its own.
    if (!isCluster)
      onTwo(
        'a lost message is emitted although a reply comes soon after the one before',
        async (one, two) => {
          await start(two.engine, bob)
          two.pauses = Array.from({ length: 10 }, (_, n) => 4_000 - 400 * n)
          await unheard(two, 1, () => deliver(one.engine, { from: null }))
          await until('the message', () => messagesTo(two, 'bob').length, 1)
          assert.ok(two.pauses.length > 0, 'while each reply takes less time than the one before')
        },
      )

    onTwo('the end of a session that did not reach the node is noticed too', async (one, two) => {
      const session = await start(two.engine, bob)
      await unheard(two, 1, () => one.engine.endSession(session, 'revoked'))
      await until('the end', () => two.events.some(({ type }) => type === 'session-ended'))
    })

    onTwo('a request for other credentials that did not reach the node is made again', async (one, two) => {
      const sessions = [await start(two.engine, ada), await start(two.engine, bob)]
      await unheard(two, 3, async () => {
        await one.engine.revokeUser(ada, { issuedBefore: null, mode: 'reauth' })
        await one.engine.revokeApp(app, { issuedBefore: null, mode: 'reauth' })
        await until('the texts came', () => two.texts >= 3)
        // The credential of this session is not revoked.
        await start(two.engine, { ...ada, userId: 'cy' })
      })
      const asked = (): string[] =>
        two.events.flatMap((event) => (event.type === 'reauth' ? event.session.sessionId : []))
      await until('both sessions are asked', () => new Set(asked()).size, 2)
      assert.deepEqual(new Set(asked()), new Set(sessions.map(({ sessionId }) => sessionId)))
    })

    onTwo('a read mark and a profile that did not reach the node are emitted, and once', async (one, two) => {
      await one.engine.saveUser(ada, {})
      await start(two.engine, ada)
      await start(two.engine, bob)
      await deliver(one.engine, { from: null })
      await until('the message', () => messagesTo(two, 'bob').length, 1)
      const { epoch } = await one.engine.inbox(bob)
      const marks = (): number[] =>
        two.events.flatMap((event) =>
          event.type === 'read' && event.user.userId === 'bob' ? [event.inbox.unread] : [],
        )
      const namesOf = (userId: string): unknown[] =>
        two.events.flatMap((event) =>
          event.type === 'user-changed' && event.user.userId === userId ? [event.user.claimed.name] : [],
        )
      await unheard(two, 2, async () => {
        await one.engine.markPeerRead(bob, null, { epoch, offset: 1 })
        await one.engine.saveUser(bob, { claimed: { name: 'Bob' } })
      })
      await until('the mark', () => String(marks()), '0')
      await until('the profile', () => String(namesOf('bob')), 'Bob')
      for (let times = 0; times < 2; times++) {
        await unheard(two, 1, () => one.engine.saveUser(ada, { claimed: { name: 'Countess' } }))
        await until('the other profile', () => namesOf('ada').at(-1), 'Countess')
        // The next loss is noticed, though the profile is then as it was at this one.
        await one.engine.saveUser(ada, { claimed: { name: 'Ada' } })
        await until('an event that comes', () => namesOf('ada').at(-1), 'Ada')
      }
      assert.deepEqual([marks(), namesOf('bob')], [[0], ['Bob']])
    })

    onTwo('a text that does reach the node shows what was lost before it', async (one, two) => {
      await start(two.engine, bob)
      await start(two.engine, ada)
      await unheard(two, 1, () => deliver(one.engine, { from: null }))
      for (let n = 0; n < 3; n++) await deliver(one.engine, { from: null, to: ada.userId })
      await until('the lost message', () => messagesTo(two, 'bob').length, 1)
      await until('the others', () => messagesTo(two, 'ada').length, 3)
    })

    onTwo('nothing is missed, and no call is for a user, while sessions are idle', async (_one, two) => {
      for (let n = 0; n < 50; n++) await start(two.engine, { ...ada, userId: `user ${n}` })
      two.scripts.length = 0
      const names = (): string[] => two.scripts.map(({ name }) => name)
      await until('three checks', () => names().filter((name) => name === 'published').length >= 9)
      const idle = ['published', 'beat', 'listDue', 'listAging', 'readCounts', 'listHistories']
      assert.deepEqual(
        names().filter((name) => !idle.includes(name)),
        [],
      )
      assert.ok(!names().includes('listHistories'), 'no recovery')
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
        assert.deepEqual((await engine.appSessions(app, null, 10)).sessions, [found])
      }
    })

    onTwo('sessions of a node that does not answer are listed as Redis has them', async (one, two) => {
      const asked = request(ada)
      const session = await startSession(two.engine, asked)
      await two.engine.touchSession(session, asked.connectionId, { rtt: 8 })
      two.hears = false
      const [found] = await one.engine.sessions(ada)
      assert.deepEqual([found?.state, found?.rtt, found?.lastSeenAt], ['active', null, session.lastSeenAt])
    })

    onTwo(
      'a node whose subscription was lost compares up to 200 users by one call, and emits what it missed',
      async (one, two) => {
        const partitions = new Partitions(FEW_PARTITIONS)
        const isCrowded = (userId: string): boolean => partitions.of({ ...ada, userId }) === 0
        const names = Array.from({ length: 40_000 }, (_, n) => `user ${n}`)
        const users = [...names.filter(isCrowded).slice(0, 450), ...names.slice(0, 50)]
        const all = [...new Set(users)]
        await Promise.all(all.map((userId) => start(two.engine, { ...ada, userId })))
        const compared = (): number[] =>
          two.scripts.filter(({ name }) => name === 'newestOffsets').map(({ keys }) => keys)
        await unheard(two, all.length, () =>
          Promise.all(all.map((to) => deliver(one.engine, { from: null, to }))),
        )
        two.scripts.length = 0
        two.client.onStarted()
        for (const userId of all)
          await until(`the message to ${userId}`, () => String(messagesTo(two, userId)), '1')
        // A call to a cluster declares all its keys: also that of the server's state.
        const most = isCluster ? 201 : 200
        assert.equal(Math.max(...compared()), most)
        assert.ok(compared().length <= (isCluster ? 2 + FEW_PARTITIONS : 3), String(compared()))
      },
      1_000_000,
    )

    onTwo('a new epoch is told before the offset of a message in it', async (one, _two, server) => {
      await start(one.engine, bob)
      const before = await one.engine.inbox(bob)
      // A master that lacks the start knows no node of the user, and sends this node no event of the inbox.
      const isLost = (key: string): boolean =>
        key.startsWith(keysOf(bob)) || key === `${isCluster ? keysOf(bob) : keysOf()}state`
      for (const key of server.keys('').filter(isLost)) server.command('DEL', key)
      await deliver(one.engine, { from: 'bob', to: 'ada' }, { unknownRecipients: true })
      const told = one.events.flatMap((event) => (event.type === 'epoch-changed' ? [event.epoch] : []))
      const { epoch } = await one.engine.inbox(bob)
      assert.notEqual(epoch, before.epoch)
      assert.deepEqual(told, [epoch])
    })
  })

void it('a message that has to be read is emitted, though the first read fails', () =>
  withServer(async (_server, open) => {
    const errors: unknown[] = []
    const one = await open()
    const two = await open({
      onError: (error) => errors.push(error),
      before: (name) => {
        if (name === 'readInbox' && errors.length === 0)
          throw new EngineError('unavailable', 'The first one.')
      },
    })
    await start(two.engine, bob)
    // The published text has no message of this size.
    await deliver(one.engine, { body: 'x'.repeat(4_000) })
    await until('the message', () => String(messagesTo(two, 'bob')), '1')
    assert.equal(errors.length, 1)
  }))

void it('a connection is told of messages whose session is detached and resumed at the same time', () =>
  withServer(async (_server, open) => {
    const [one, two] = [await open(), await open()]
    const run = one.client.run.bind(one.client)
    let release: (reply: Reply) => void = () => undefined
    one.client.run = (script, ...args) => {
      const reply = run(script, ...args)
      if (script.name === 'startSession') void reply.then(release)
      // The replies are kept together, as if both had come in one chunk.
      return script.name === 'changeSession'
        ? new Promise<Reply>((resolve) => (release = resolve)).then(() => reply)
        : reply
    }
    /** A request without a token, whose start is one call. */
    const withoutToken = (more: Partial<SessionRequest>): SessionRequest =>
      request(ada, {
        credential: { authMethod: 'token', tokenId: null, issuedAt: Date.now(), expiresAt: null },
        ...more,
      })
    const first = withoutToken({ keyHash: 'the key' })
    const session = await startSession(one.engine, first)
    const [, resumed] = await Promise.all([
      one.engine.detachSession(session, first.connectionId, 60_000),
      startSession(one.engine, withoutToken({ resumes: 'the key' })),
    ])
    assert.equal(resumed.resumed, true)
    const received = nextEvents(one.engine, 'message')
    const { offset } = await deliver(two.engine, { from: null, to: ada.userId })
    assert.equal((await received)[0]?.message.offset, offset)
  }))

void it('a text that somebody publishes by hand is reported, and ends no node', () =>
  withServer(async (server, open) => {
    const errors: unknown[] = []
    const { engine } = await open({ onError: (error) => errors.push(error) })
    for (const text of ['hello', 'a 1 null']) server.command('PUBLISH', 'chat-session:channel:all', text)
    await until('the texts are reported', () => errors.length, 2)
    await engine.check()
  }))

void it('a check fails while nothing that is published arrives', () =>
  withServer(async (_server, open) => {
    const node = await open()
    node.hears = false
    await assert.rejects(node.engine.check(), { code: 'unavailable', message: /publishes nothing/ })
    node.hears = true
    await node.engine.check()
  }))

void it('a check that fails because its question was lost says so; lists of sessions do without an answer', () =>
  withServer(async (_server, open) => {
    const lossOf = (name: string) => (name === 'tellNode' ? 'request' : undefined)
    const [{ engine }, two] = [await open({ lossOf }), await open()]
    const session = await startSession(two.engine, request(ada))
    await assert.rejects(engine.check(), { code: 'unavailable', message: /connection was lost/ })
    assert.deepEqual(await engine.sessions(ada), [recordOf(session)])
  }))

void it('numbers begin again with the library, and nothing is lost', () =>
  withServer(async (server, open) => {
    const [one, two] = [await open(), await open({ compareInterval: 1_000, onError: assert.ifError })]
    await start(two.engine, bob)
    for (let n = 0; n < 3; n++) {
      await deliver(one.engine, { from: null })
      server.load()
    }
    await deliver(one.engine, { from: null })
    await until('all messages', () => String(messagesTo(two, 'bob')), '1,2,3,4')
  }))
