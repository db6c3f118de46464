// After a failover to a master that lacks acknowledged changes of sessions, the nodes make these changes again, and undo none of others.
import { keysOf, withServer, type SimulatedNode } from '../../support/redis/simulated/nodes.js'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type {
  Engine,
  EngineEvent,
  SessionRequest,
  StartedSession,
  UserRef,
} from '../../../src/engine/index.js'
import { STATE } from '../../../src/engine/redis/fields.js'
import type { SessionRow } from '../../../src/engine/redis/sessions/session-row.js'
import {
  ada,
  app,
  bob,
  credential,
  idsOf,
  recordOf,
  request,
  saveGuest,
  startSession,
} from '../../../src/engine/suite/kit.js'
import { ask, pending } from '../../../src/engine/suite/webhook-kit.js'
import { adopt } from '../../support/engine/calls.js'
import type { SimulatedServer } from '../../support/redis/simulated/server.js'
import { until, untilResolves } from '../../support/until.js'

const stateOf = async ({ engine }: SimulatedNode, of = ada): Promise<string> => {
  try {
    return (await engine.sessions(of)).map(({ state }) => state).join()
  } catch {
    return 'unavailable'
  }
}

interface Started {
  session: StartedSession
  asked: SessionRequest
}

const begin = async ({ engine }: SimulatedNode, more: Partial<SessionRequest> = {}): Promise<Started> => {
  const asked = request(ada, more)
  return { session: await startSession(engine, asked), asked }
}

/** Starts a session with this resume key, as soon as Redis answers. */
const resume = ({ engine }: SimulatedNode, key: string): Promise<StartedSession> =>
  untilResolves('a session starts', () => startSession(engine, request(ada, { resumes: key })))

interface Failover {
  one: SimulatedNode
  two: SimulatedNode
  server: SimulatedServer
  /** From now on the replica receives nothing more. */
  cut: () => void
  failOver: () => void
}

const onFailover = (what: string, body: (failover: Failover) => Promise<void>): void =>
  void it(what, () =>
    withServer(async (server, open) => {
      const [one, two] = [await open(), await open()]
      for (const { engine } of [one, two])
        await ask(engine, ['session.started', 'session.ended', 'user.online', 'user.offline'])
      let copy = server.save()
      const cut = (): void => void (copy = server.save())
      await body({ one, two, server, cut, failOver: () => server.restore(copy) })
    }),
  )

void describe('after a failover', () => {
  onFailover('a session is detached again, and its user goes offline in time', async (given) => {
    const { one, two, cut, failOver } = given
    const { session, asked } = await begin(one)
    cut()
    await one.engine.detachSession(session, asked.connectionId, 60_000)
    const detachedAt = performance.now()
    failOver()
    await until('it is detached', () => stateOf(two), 'detached')
    // The user counts as offline twenty seconds after the detachment.
    await until('the user is offline', async () => (await two.engine.status(ada)).online, false)
    assert.ok(performance.now() - detachedAt < 27_000)
    await until('the session ends', () => stateOf(two), '')
    const ended = (await pending(two.engine)).map(({ event }) => [event.type, event.data['code']])
    assert.deepEqual(ended.at(-1), ['session.ended', 'timeout'])
  })

  for (const isByConnection of [true, false])
    onFailover(`a session ends again, with its code: ${isByConnection}`, async (given) => {
      const { one, two, cut, failOver } = given
      const { session, asked } = await begin(one)
      cut()
      const by = isByConnection ? one : two
      assert.ok(await by.engine.endSession(session, 'ended', isByConnection ? asked.connectionId : undefined))
      failOver()
      await until('it has ended', () => stateOf(two), '')
      assert.equal((await two.engine.status(ada)).online, false)
      assert.equal((await two.engine.usage(app)).sessions, 0)
      const ended = (await pending(two.engine)).filter(({ event }) => event.type === 'session.ended')
      assert.deepEqual(
        ended.map(({ event }) => event.data['code']),
        ['ended'],
      )
    })

  onFailover('a start is made again, and its session is resumed at any node', async (given) => {
    const { one, two, cut, failOver } = given
    cut()
    const { session, asked } = await begin(one)
    failOver()
    await until('it is there again', () => stateOf(two), 'active')
    assert.deepEqual(await two.engine.sessions(ada), [recordOf(session)])
    assert.equal((await two.engine.status(ada)).online, true)
    assert.equal((await two.engine.usage(app)).sessions, 1)
    const resumed = await resume(two, asked.keyHash)
    assert.deepEqual([resumed.resumed, resumed.sessionId], [true, session.sessionId])
    await until('the node of the first connection is told', () =>
      one.events.some(
        (event) => event.type === 'connection-replaced' && event.connectionId === asked.connectionId,
      ),
    )
    const reported = (await pending(two.engine)).map(({ event }) => event.type)
    assert.deepEqual(reported, ['session.started', 'user.online'])
    assert.deepEqual(idsOf((await two.engine.appSessions(app, null, 10)).sessions), [session.sessionId])
  })

  onFailover(
    'a start is made again with its detachment, and not if the session has ended',
    async ({ one, two, cut, failOver }) => {
      cut()
      const left = await begin(one)
      await one.engine.detachSession(left.session, left.asked.connectionId, 30_000)
      const ended = await begin(two)
      await two.engine.endSession(ended.session, 'ended', ended.asked.connectionId)
      failOver()
      await until('it is detached', () => stateOf(two), 'detached')
      const resumed = await resume(two, left.asked.keyHash)
      assert.deepEqual([resumed.resumed, resumed.sessionId], [true, left.session.sessionId])
      assert.equal((await two.engine.sessions(ada)).length, 1)
    },
  )

  onFailover('a session moves again to another node, under its newest key', async (given) => {
    const { one, two, cut, failOver } = given
    const { session, asked } = await begin(one)
    cut()
    const moved = request(ada, { resumes: asked.keyHash, node: 'node 2' })
    assert.ok((await startSession(two.engine, moved)).resumed)
    await until('the first node knows', () => one.events.some(({ type }) => type === 'connection-replaced'))
    failOver()
    const nodeOf = async (): Promise<string | undefined> =>
      (await one.engine.sessions(ada).catch(() => []))[0]?.node
    await until('the second node has it again', nodeOf, 'node 2')
    const resumed = await resume(one, moved.keyHash)
    assert.deepEqual([resumed.resumed, resumed.sessionId], [true, session.sessionId])
    assert.equal((await two.engine.sessions(ada)).length, 1)
  })

  onFailover('a session ends that has moved and ended', async ({ one, two, cut, failOver }) => {
    const { asked } = await begin(one)
    cut()
    const moved = request(ada, { resumes: asked.keyHash })
    const session = await startSession(two.engine, moved)
    await two.engine.endSession(session, 'ended', moved.connectionId)
    failOver()
    await until('it has ended', () => stateOf(one), '')
    assert.equal((await one.engine.status(ada)).online, false)
  })

  onFailover(
    'a start is not made again whose session has ended long before',
    async ({ one, two, server, cut, failOver }) => {
      const left = await begin(one)
      await one.engine.detachSession(left.session, left.asked.connectionId, 60_000)
      // The node that started it does not learn of the end, and the other one does not make it again.
      await two.engine.endSession(left.session, 'ended')
      await two.engine.close()
      const endedAt = Date.now()
      const other = request(bob)
      const kept = await startSession(one.engine, other)
      // The note of this end, by which its start is not made again either, is kept for an hour.
      assert.equal(server.command('DEL', `${keysOf(ada)}tombs:${app}\0ada`), 1)
      const reachedAt = (): number => Number(server.command('HGET', `${keysOf()}state`, STATE.reachedAt))
      await until('a node has noted that it has reached Redis since', () => reachedAt() > endedAt)
      cut()
      await one.engine.detachSession(kept, other.connectionId, 60_000)
      failOver()
      await until('what was lost is made again', () => stateOf(one, bob), 'detached')
      assert.deepEqual(await one.engine.sessions(ada), [])
    },
  )

  onFailover(
    'the client of a session comes back that other nodes have detached',
    async ({ one, two, cut, failOver }) => {
      const { session, asked } = await begin(one)
      // As other nodes do that count this one as dead. The node is told nothing of a detachment.
      await two.engine.detachSession(session, asked.connectionId, 60_000)
      cut()
      failOver()
      const told = (): EngineEvent | undefined =>
        one.events.find(({ type }) => type === 'session-ended' || type === 'connection-replaced')
      await until('the connection is told', () => told() !== undefined)
      const { sessionId } = session
      assert.deepEqual(told(), { type: 'session-ended', session: { ...ada, sessionId }, code: 'unavailable' })
      assert.equal((await resume(one, asked.keyHash)).sessionId, sessionId)
    },
  )

  void it('sessions are detached that no node claims: one with an unknown connection, one with an unknown node', () =>
    withServer(async (server, open) => {
      const { engine } = await open()
      const { sessionId } = await startSession(engine, request(ada))
      const rows = `${keysOf(ada)}sessions:${app}\0ada`
      const row = JSON.parse(String(server.command('HGET', rows, sessionId))) as SessionRow
      const add = (id: string, node = ''): void => {
        const ghost: SessionRow = { ...row, connectionId: `gone ${id}`, nodeId: node, number: row.number + 1 }
        server.command('HSET', rows, id, JSON.stringify(ghost))
        server.command('ZADD', `${keysOf(ada)}attached`, 0, `${node}\0${app}\0ada`)
      }
      add('ghost of this node', row.nodeId)
      add('ghost of another node', 'nobody')
      server.command('HSET', `${keysOf()}state`, STATE.history, 'another')
      const states = async (): Promise<string> =>
        (await engine.sessions(ada))
          .map((session) => `${session.sessionId}: ${session.state}`)
          .toSorted()
          .join()
      const expected = ['ghost of another node: detached', 'ghost of this node: detached']
      await until('both are detached', states, [`${sessionId}: active`, ...expected].toSorted().join())
    }))
})

interface Nodes {
  one: Engine
  two: Engine
  server: SimulatedServer
  /** How often a node has made starts, or ends, of sessions again. */
  count: { restoreSession: number; endSession: number }
  /** The recovery of the first node waits for this before it makes starts again. */
  hold: { until: Promise<unknown> }
  /** Begins a new history, before which no node has reached Redis for a second before the test. */
  beginHistory: () => void
}

const withNodes = (body: (nodes: Nodes) => Promise<void>): Promise<void> =>
  withServer(async (server, open) => {
    const count = { restoreSession: 0, endSession: 0 }
    const hold: Nodes['hold'] = { until: Promise.resolve() }
    const since = Date.now() - 1_000
    const openNode = async (isFirst: boolean): Promise<Engine> => {
      const { engine, client } = await open()
      const run = client.run.bind(client)
      client.run = async (script, ...args) => {
        if (isFirst && script.name === 'restoreSession') await hold.until
        const reply = await run(script, ...args)
        if (script.name === 'restoreSession' || script.name === 'endSession') count[script.name]++
        return reply
      }
      return engine
    }
    const [one, two] = [await openNode(true), await openNode(false)]
    const { history, reachedAt } = STATE
    const beginHistory = (): void =>
      void server.command('HSET', `${keysOf()}state`, history, 'another', reachedAt, since)
    await body({ one, two, server, count, hold, beginHistory })
  })

/** Starts a session at the first node and detaches it there. So no node is told of its end. */
const startAndDetach = async (
  { one }: Nodes,
  of: UserRef,
  more: Partial<SessionRequest> = {},
): Promise<StartedSession> => {
  const asked = request(of, more)
  const session = await startSession(one, asked)
  await one.detachSession(session, asked.connectionId, 60_000)
  return session
}

void describe('a session stays ended if a history begins right after, though only another node knows of the end', () => {
  const guest: UserRef = { appId: app, userId: 'guest:dora' }
  const cases: [
    what: string,
    of: UserRef,
    more: () => Partial<SessionRequest>,
    end: (engine: Engine, session: StartedSession) => Promise<unknown>,
  ][] = [
    [
      'that the backend has ended',
      ada,
      () => ({}),
      (engine, session) => engine.endSession(session, 'revoked'),
    ],
    [
      'of a revoked user whose token was issued by a clock that is ahead',
      ada,
      () => ({ credential: { ...credential(), issuedAt: Date.now() + 5_000 } }),
      (engine) => engine.revokeUser(ada, { issuedBefore: null, mode: 'end' }),
    ],
    ['of an adopted guest', guest, () => ({ guest: true }), (engine) => adopt(engine, ada, guest.userId)],
  ]
  for (const [what, of, more, end] of cases)
    void it(what, () =>
      withNodes(async (nodes) => {
        const { one, two, count, beginHistory } = nodes
        await saveGuest(one, guest)
        await one.saveUser(ada, {})
        const session = await startAndDetach(nodes, of, more())
        await end(two, session)
        assert.deepEqual(await two.sessions(of), [])
        await two.close()
        beginHistory()
        await until('the first node has made its start again', () => count.restoreSession, 1)
        assert.deepEqual(await one.sessions(of), [])
        assert.equal((await one.usage(app)).sessions, 0)
      }),
    )

  void it('that made room for another one', () =>
    withNodes(async (nodes) => {
      const { one, two, count, beginHistory } = nodes
      const { sessionId } = await startAndDetach(nodes, ada)
      const other = await startSession(two, request(ada, { sessionsPerUser: 1 }))
      assert.notEqual(other.sessionId, sessionId)
      beginHistory()
      await until('both nodes have made their starts again', () => count.restoreSession, 2)
      assert.deepEqual(idsOf(await one.sessions(ada)), [other.sessionId])
    }))

  for (const hasMoved of [false, true])
    void it(`that has ${hasMoved ? 'moved and then ' : ''}ended, if the new master lacks the end, which is made again first`, () =>
      withNodes(async (nodes) => {
        const { one, two, server, count, hold, beginHistory } = nodes
        const left = await startAndDetach(nodes, ada, { keyHash: 'the key' })
        const moved = request(ada, { resumes: 'the key' })
        const session = hasMoved ? await startSession(two, moved) : left
        assert.equal(session.sessionId, left.sessionId)
        assert.ok(await two.endSession(session, 'ended', hasMoved ? moved.connectionId : undefined))
        server.command('DEL', `${keysOf(ada)}tombs:${app}\0ada`)
        hold.until = until('the second node has made the end again', () => count.endSession, 2)
        beginHistory()
        await until('both nodes have made their starts again', () => count.restoreSession, hasMoved ? 2 : 1)
        assert.deepEqual(await one.sessions(ada), [])
      }))

  void it('and Redis does not keep all ids of such sessions while others go on to end', () =>
    withServer(async (server, open) => {
      let now = 0
      const { engine } = await open({ clockShift: () => now })
      for (let n = 0; n < 200; n++) {
        assert.ok(await engine.endSession(await startSession(engine, request(ada)), 'revoked'))
        now += 1_800_000
      }
      const kept = Number(server.command('HLEN', `${keysOf(ada)}tombs:${app}\0ada`))
      // Two of them are younger than an hour.
      assert.ok(kept >= 2 && kept < 50, `${kept} ids are kept`)
    }))
})
