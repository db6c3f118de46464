// Nodes that are killed, stand still or close. A killed node is one whose connection to Redis has gone without a word.
import { keysOf, withServer, type OpenNode, type SimulatedNode } from '../../support/redis/simulated/nodes.js'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Engine, SessionRequest, StartedSession } from '../../../src/engine/index.js'
import { STATE } from '../../../src/engine/redis/fields.js'
import { ada, app, deliver, nextEvents, request, startSession } from '../../../src/engine/suite/kit.js'
import { ask, pending } from '../../../src/engine/suite/webhook-kit.js'
import { until } from '../../support/until.js'

const onError = assert.ifError
const stateOf = async (engine: Engine): Promise<string | undefined> => (await engine.sessions(ada))[0]?.state

for (const isCluster of [false, true])
  void describe(`a node that was killed ${isCluster ? 'in a cluster' : 'on one server'}`, () => {
    /** Runs `body` with a node, and with another one that carries a session of Ada. */
    const onOther = (
      what: string,
      more: Partial<SessionRequest>,
      body: (engine: Engine, other: SimulatedNode, session: StartedSession) => Promise<void>,
    ): void =>
      void it(what, () =>
        withServer(async (_server, open) => {
          const [{ engine }, other] = [await open({ isCluster, onError }), await open({ isCluster })]
          for (const node of [engine, other.engine]) await ask(node, ['session.ended'])
          const asked = request(ada, { keyHash: 'the key', ...more })
          await body(engine, other, await startSession(other.engine, asked))
        }),
      )

    onOther(
      'leaves sessions that are detached, and resumed elsewhere',
      {},
      async (engine, { client }, { sessionId }) => {
        assert.equal(await stateOf(engine), 'active')
        client.disconnect()
        await until('the session is detached', () => stateOf(engine), 'detached')
        const resumed = await startSession(engine, request(ada, { resumes: 'the key' }))
        assert.deepEqual([resumed.resumed, resumed.sessionId], [true, sessionId])
        assert.deepEqual(await pending(engine), [])
      },
    )

    onOther(
      'leaves sessions that end once, when they are no longer resumable',
      { resumableFor: 500 },
      async (engine, { client }, { sessionId }) => {
        client.disconnect()
        await until('it has ended', async () => (await engine.sessions(ada)).length === 0)
        assert.deepEqual(
          (await pending(engine)).map(({ event }) => [event.type, event.data['sessionId']]),
          [['session.ended', sessionId]],
        )
      },
    )

    onOther('leaves webhook events that another one delivers', {}, async (engine, other, session) => {
      await other.engine.endSession(session, 'ended')
      assert.deepEqual(await engine.takeDueEvents(app, 1, 60_000), [])
      other.client.disconnect()
      await until('it is taken', async () => (await engine.takeDueEvents(app, 1, 60_000)).length, 1)
    })

    const users = Array.from({ length: 40 }, (_, n) => ({ ...ada, userId: `user ${n}` }))
    /** Awaits that all users go offline, 20 to 22 seconds from now. */
    const untilOffline = async (engine: Engine): Promise<void> => {
      const from = performance.now()
      const since = (): number => performance.now() - from
      const online = async (): Promise<number> =>
        (await Promise.all(users.map((user) => engine.status(user)))).filter((status) => status.online).length
      await until('some are offline', async () => (await online()) < users.length)
      assert.ok(since() > 19_000, `${since()} ms`)
      await until('all are offline', online, 0)
      assert.ok(since() < 22_500, `${since()} ms`)
    }

    // In a cluster each node visits its own share of the partitions, and nobody that of a dead node until its lease has ended.
    onOther(
      'leaves users who are offline within 22 seconds, and not before 20',
      {},
      async (engine, other) => {
        for (const user of users) await startSession(other.engine, request(user))
        other.client.disconnect()
        await untilOffline(engine)
      },
    )

    void it('with all others leaves users who are offline within 22 seconds from when a node has opened', () =>
      withServer(async (_server, open) => {
        const [one, two] = [await open({ isCluster }), await open({ isCluster })]
        for (const user of users) await startSession(one.engine, request(user))
        // Each partition is swept.
        await pause(2_000)
        for (const { client } of [one, two]) client.disconnect()
        // Longer than the silence after which Redis has had no nodes, and shorter than a lease.
        await pause(7_000)
        await untilOffline((await open({ isCluster, onError })).engine)
      }))
  })

void describe('a node', () => {
  /** A node whose calls of `detachNode` wait for `release`, and the number of its beats. */
  const openWaiting = async (open: OpenNode) => {
    const waiting: (() => void)[] = []
    const state = { beats: 0, isHeld: true }
    const { engine } = await open({
      onError,
      before: async (name) => {
        if (name === 'beat') state.beats++
        if (name === 'detachNode' && state.isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
      },
    })
    const release = (): void => {
      state.isHeld = false
      for (const resolve of waiting.splice(0)) resolve()
    }
    return { engine, state, waiting, release }
  }

  void it('renews its lease while it detaches the sessions of a dead node', () =>
    withServer(async (server, open) => {
      const { state, waiting, release } = await openWaiting(open)
      const nodes = `${keysOf()}nodes`
      server.command('ZADD', nodes, 0, 'dead')
      server.command('HSET', `${keysOf()}state`, 'f', 1)
      server.command('ZADD', `${keysOf(ada)}attached`, 0, `dead\0${app}\0ada`)
      await until('the burial', () => waiting.length, 1)
      const { beats } = state
      await until('three beats', () => state.beats >= beats + 3)
      // The burial runs once, though each beat names the dead node.
      assert.equal(waiting.length, 1)
      release()
      await until('the end of the burial', () => server.command('ZSCORE', nodes, 'dead') === false)
    }))

  void it('loses nothing if Redis fails over while it opens', () =>
    withServer(async (server, open) => {
      await open()
      let beats = 0
      let release = (): void => undefined
      const isReleased = new Promise<void>((resolve) => (release = resolve))
      const opening = open({ before: (name) => (name === 'beat' && ++beats === 1 ? isReleased : undefined) })
      await until('its first beat', () => beats, 1)
      server.restore(server.save())
      await until('a beat of the recovery', () => beats, 2)
      release()
      const { engine, events } = await opening
      // The recovery has ended then.
      await engine.close()
      assert.deepEqual(events, [])
    }))

  void it('keeps the sessions that start after it has come back, while others detach those from before', () =>
    withServer(async (server, open) => {
      const { engine, waiting, release } = await openWaiting(open)
      const paused = await open({ onError })
      const before = await startSession(paused.engine, request(ada))
      const [member] = server.command('ZRANGE', `${keysOf(ada)}attached`, 0, 0) as string[]
      const [nodeId = ''] = (member ?? '').split('\0')
      const isLost = nextEvents(paused.engine, 'lease-lost')
      server.command('HSET', `${keysOf()}state`, STATE.reachedSince, 1)
      server.command('ZADD', `${keysOf()}nodes`, 0, nodeId)
      await until('the other node detaches the sessions', () => waiting.length, 1)
      assert.deepEqual(await isLost, [{ type: 'lease-lost', cause: 'taken-over' }])
      const after = await startSession(paused.engine, request(ada))
      release()
      const states = async (): Promise<string> =>
        (await engine.sessions(ada)).map(({ sessionId, state }) => `${sessionId}: ${state}`).join()
      const expected = `${before.sessionId}: detached,${after.sessionId}: active`
      await until('the session from before is detached', states, expected)
      const messages = nextEvents(paused.engine, 'message')
      await deliver(engine, { from: null, to: ada.userId })
      await messages
    }))

  void it('closes without the answers of other nodes, and takes none for the answer to a later question', () =>
    withServer(async (_server, open) => {
      const [{ engine: one }, { engine: two }] = [await open({ onError }), await open({ onError })]
      const answers: ((answer: string) => void)[] = []
      two.answerNodes(() => new Promise((resolve) => answers.push(resolve)), new AbortController().signal)
      const askTwo = (): Promise<string | null> => one.askNode(two.node(), 'question')
      const rejected = assert.rejects(askTwo(), /closed before the other gateway answered/)
      await until('the question has come', () => answers.length, 1)
      await one.close()
      await rejected
      await one.open()
      const answer = askTwo()
      await until('the second question has come', () => answers.length, 2)
      answers[0]?.('to the first')
      answers[1]?.('to the second')
      assert.equal(await answer, 'to the second')
    }))
})
