// After a failover to a master that lacks acknowledged changes of sessions, the nodes make these changes again.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { EngineEvent, SessionRequest, StartedSession } from '../../../../src/engine/index.js'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import { STATE } from '../../../../src/engine/redis/fields.js'
import type { SessionRow } from '../../../../src/engine/redis/sessions/session-row.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { ada, bob, recordOf, request, startSession } from '../../../../src/engine/suite/kit.js'
import { pending } from '../../../../src/engine/suite/webhook-kit.js'
import { standalone } from '../../../support/redis/server.js'
import { until, untilResolves } from '../../../support/until.js'
import { partitions, reachedAt, shift, withPair, type Node } from './pair-kit.js'

const stateOf = async ({ engine }: Node, of = ada): Promise<string> => {
  try {
    return (await engine.sessions(of)).map(({ state }) => state).join()
  } catch {
    return 'unavailable'
  }
}

/** Starts a session of Ada, which is lost if the replica is cut. */
const begin = async (
  { engine }: Node,
  more: Partial<SessionRequest> = {},
): Promise<{ session: StartedSession; asked: SessionRequest }> => {
  const asked = request(ada, more)
  return { session: await startSession(engine, asked), asked }
}

/** Starts a session with this resume key, as soon as Redis answers. */
const resume = ({ engine }: Node, key: string): Promise<StartedSession> =>
  untilResolves('a session starts', () => startSession(engine, request(ada, { resumes: key })))

it('detaches a session again whose detachment was lost, so that its user goes offline in time', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    const { session, asked } = await begin(one)
    await pair.cut()
    await one.engine.detachSession(session, asked.connectionId, 60_000)
    const failedAt = performance.now()
    await failOver()
    await until('it is detached', () => stateOf(two), 'detached')
    const detachedAfter = performance.now() - failedAt
    // The user counts as offline twenty seconds after the detachment.
    assert.ok(detachedAfter < 6_000, `${detachedAfter} ms`)
    shift.by += 20_000
    await until('the user is offline', async () => (await two.engine.status(ada)).online, false)
    shift.by += 40_000
    await until('the session ends', () => stateOf(two), '')
    const ended = (await pending(two.engine)).map(({ event }) => [event.type, event.data['code']])
    assert.deepEqual(ended.at(-1), ['session.ended', 'timeout'])
  })
})

it('ends a session again whose end was lost, with its code', async () => {
  for (const isByConnection of [true, false])
    await withPair(async ({ one, two, pair, failOver }) => {
      const { session, asked } = await begin(one)
      await pair.cut()
      const by = isByConnection ? one : two
      assert.ok(await by.engine.endSession(session, 'ended', isByConnection ? asked.connectionId : undefined))
      await failOver()
      await until('it has ended', () => stateOf(two), '')
      assert.equal((await two.engine.status(ada)).online, false)
      assert.equal((await two.engine.usage(ada.appId)).sessions, 0)
      const ended = (await pending(two.engine)).filter(({ event }) => event.type === 'session.ended')
      assert.deepEqual(
        ended.map(({ event }) => event.data['code']),
        ['ended'],
      )
    })
})

it('makes a lost start again, so that its session is resumed at any node', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    await pair.cut()
    const { session, asked } = await begin(one)
    await failOver()
    await until('it is there again', () => stateOf(two), 'active')
    assert.deepEqual(await two.engine.sessions(ada), [recordOf(session)])
    assert.equal((await two.engine.status(ada)).online, true)
    assert.equal((await two.engine.usage(ada.appId)).sessions, 1)
    const resumed = await resume(two, asked.keyHash)
    assert.deepEqual([resumed.resumed, resumed.sessionId], [true, session.sessionId])
    await until('the node of the first connection is told', () =>
      one.events.some(
        (event) => event.type === 'connection-replaced' && event.connectionId === asked.connectionId,
      ),
    )
    const reported = (await pending(two.engine)).map(({ event }) => event.type)
    assert.deepEqual(reported, ['session.started', 'user.online'])
    const page = await two.engine.appSessions(ada.appId, null, 10)
    assert.deepEqual(
      page.sessions.map(({ sessionId }) => sessionId),
      [session.sessionId],
    )
  })
})

it('makes a lost start with its lost detachment again, and neither if the session has ended', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    await pair.cut()
    const left = await begin(one)
    await one.engine.detachSession(left.session, left.asked.connectionId, 30_000)
    const ended = await begin(two)
    await two.engine.endSession(ended.session, 'ended', ended.asked.connectionId)
    await failOver()
    await until('it is detached', () => stateOf(two), 'detached')
    const resumed = await resume(two, left.asked.keyHash)
    assert.deepEqual([resumed.resumed, resumed.sessionId], [true, left.session.sessionId])
    assert.equal((await two.engine.sessions(ada)).length, 1)
  })
})

it('moves a session again whose move to another node was lost, under its newest key', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    const { session, asked } = await begin(one)
    await pair.cut()
    const moved = request(ada, { resumes: asked.keyHash, node: 'node 2' })
    assert.ok((await startSession(two.engine, moved)).resumed)
    await until('the first node knows', () => one.events.some(({ type }) => type === 'connection-replaced'))
    await failOver()
    const nodeOf = async (): Promise<string | undefined> =>
      (await one.engine.sessions(ada).catch(() => []))[0]?.node
    await until('the second node has it again', nodeOf, 'node 2')
    const resumed = await resume(one, moved.keyHash)
    assert.deepEqual([resumed.resumed, resumed.sessionId], [true, session.sessionId])
    assert.equal((await two.engine.sessions(ada)).length, 1)
  })
})

it('ends a session that has moved and ended while writes were lost', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    const { asked } = await begin(one)
    await pair.cut()
    const moved = request(ada, { resumes: asked.keyHash })
    const session = await startSession(two.engine, moved)
    await two.engine.endSession(session, 'ended', moved.connectionId)
    await failOver()
    await until('it has ended', () => stateOf(one), '')
    assert.equal((await one.engine.status(ada)).online, false)
  })
})

it('does not make a start again whose session has ended before writes were lost', async () => {
  await withPair(async ({ pair, one, two, failOver }) => {
    const left = await begin(one)
    await one.engine.detachSession(left.session, left.asked.connectionId, 60_000)
    // The node that started it does not learn of the end.
    await two.engine.endSession(left.session, 'ended')
    const endedAt = Date.now()
    const other = request(bob)
    const kept = await startSession(one.engine, other)
    // The note of this end, by which its start is not made again either, is kept for an hour.
    const tombs = `chat-session:{${partitions.tags[partitions.of(ada)]}}:tombs:${ada.appId}\0${ada.userId}`
    assert.equal((await pair.command('del', tombs)).trim(), '1')
    await until(
      'a node has noted that it has reached Redis since',
      async () => (await reachedAt(pair)) > endedAt,
    )
    await pair.cut()
    await one.engine.detachSession(kept, other.connectionId, 60_000)
    await failOver()
    await until('what was lost is made again', () => stateOf(two, bob), 'detached')
    assert.deepEqual(await two.engine.sessions(ada), [])
  })
})

it('lets the client of a session come back that other nodes have detached, after its node heard nothing', async () => {
  await withPair(async ({ one, two, pair, failOver }) => {
    const { session, asked } = await begin(one)
    // As other nodes do that count this one as dead. The node is told nothing of a detachment.
    await two.engine.detachSession(session, asked.connectionId, 60_000)
    await pair.cut()
    await failOver()
    const told = (): EngineEvent | undefined =>
      one.events.find(({ type }) => type === 'session-ended' || type === 'connection-replaced')
    await until('the connection is told', () => told() !== undefined)
    const { sessionId } = session
    assert.deepEqual(told(), { type: 'session-ended', session: { ...ada, sessionId }, code: 'unavailable' })
    assert.equal((await resume(one, asked.keyHash)).sessionId, sessionId)
  })
})

it('detaches what no node claims: a session with an unknown connection, and one with an unknown node', async () => {
  const server = await standalone()
  const engine = createSharedEngine({
    client: () => createRedisClient({ type: 'single', url: server.url }),
    prefix: 'ghosts:',
    onError: assert.ifError,
  })
  await engine.open()
  const session = await startSession(engine, request(ada))
  const key = (kind: string): string => `ghosts:{${partitions.tags[partitions.of(ada)]}}:${kind}`
  const rows = key(`sessions:${ada.appId}\0${ada.userId}`)
  const row = JSON.parse(await server.command('hget', rows, session.sessionId)) as SessionRow
  const add = async (id: string, node = ''): Promise<void> => {
    const ghost: SessionRow = { ...row, connectionId: `gone ${id}`, nodeId: node, number: row.number + 1 }
    await server.command('hset', rows, id, JSON.stringify(ghost))
    await server.command('zadd', key('attached'), 0, `${node}\0${ada.appId}\0${ada.userId}`)
  }
  await add('ghost of this node', row.nodeId)
  await add('ghost of another node', 'nobody')
  await server.command('hset', `ghosts:{${partitions.tags[0]}}:state`, STATE.history, 'another')
  const states = async (): Promise<string> =>
    (await engine.sessions(ada))
      .map(({ sessionId, state }) => `${sessionId}: ${state}`)
      .toSorted()
      .join()
  const expected = [
    `${session.sessionId}: active`,
    'ghost of another node: detached',
    'ghost of this node: detached',
  ]
  await until('both are detached', states, expected.toSorted().join())
  await engine.close()
})
