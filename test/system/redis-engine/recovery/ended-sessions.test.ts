// A session that another node has ended stays ended if Redis begins a new history right after, although only that node knows of the end.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine, SessionRequest, StartedSession, UserRef } from '../../../../src/engine/index.js'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import { STATE } from '../../../../src/engine/redis/fields.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  app,
  credential,
  idsOf,
  request,
  saveGuest,
  startSession,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { adopt } from '../../../support/engine/calls.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const server = await standalone()
const { tags } = new Partitions()
const guest: UserRef = { appId: app, userId: 'guest:dora' }

interface Nodes {
  one: Engine
  two: Engine
  prefix: string
  /** How often a node has made starts, or ends, of sessions again. */
  count: { restoreSession: number; endSession: number }
  /** The recovery of the first node waits for this before it makes starts again. */
  hold: { until: Promise<unknown> }
}

const withNodes = async (prefix: string, body: (nodes: Nodes) => Promise<void>): Promise<void> => {
  const count = { restoreSession: 0, endSession: 0 }
  const hold: Nodes['hold'] = { until: Promise.resolve() }
  const open = async (isFirst: boolean): Promise<Engine> => {
    const client = createRedisClient({ type: 'single', url: server.url })
    const run = client.run.bind(client)
    client.run = async (script, ...args) => {
      if (isFirst && script.name === 'restoreSession') await hold.until
      const reply = await run(script, ...args)
      if (script.name === 'restoreSession' || script.name === 'endSession') count[script.name]++
      return reply
    }
    const engine = createSharedEngine({ client: () => client, prefix, onError: assert.ifError })
    await engine.open()
    return engine
  }
  const [one, two] = [await open(true), await open(false)]
  try {
    await body({ one, two, prefix, count, hold })
  } finally {
    await Promise.all([one.close(), two.close()])
  }
}

/** Begins a new history, before which no node has reached Redis since `since`. */
const beginHistory = async ({ prefix }: Nodes, since: number): Promise<void> => {
  const { history, reachedAt } = STATE
  await server.command('hset', `${prefix}{${tags[0]}}:state`, history, 'another', reachedAt, since)
}

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

/** Ends a session at the second node, lets this node leave, begins a new history, and asserts that the first node does not undo the end. */
const staysEnded = async (
  nodes: Nodes,
  of: UserRef,
  more: Partial<SessionRequest>,
  end: (engine: Engine, session: StartedSession) => Promise<unknown>,
): Promise<void> => {
  const { one, two, count } = nodes
  const since = Date.now() - 1_000
  const session = await startAndDetach(nodes, of, more)
  await end(two, session)
  await two.close()
  await beginHistory(nodes, since)
  await until('the first node has made its start again', () => count.restoreSession, 1)
  assert.deepEqual(await one.sessions(of), [])
  assert.equal((await one.usage(app)).sessions, 0)
}

it('a session that the backend has ended', () =>
  withNodes('ended:', (nodes) =>
    staysEnded(nodes, ada, {}, async (engine, session) =>
      assert.ok(await engine.endSession(session, 'revoked')),
    ),
  ))

it('a session of a user whose sessions were all ended, whose token was issued by a clock that is ahead', () =>
  withNodes('ahead:', (nodes) => {
    const ahead = { ...credential(), issuedAt: Date.now() + 5_000 }
    return staysEnded(nodes, ada, { credential: ahead }, (engine) =>
      engine.revokeUser(ada, { issuedBefore: null, mode: 'end' }),
    )
  }))

it('a session of a guest who was adopted', () =>
  withNodes('adopted:', async (nodes) => {
    const { one } = nodes
    await saveGuest(one, guest)
    await one.saveUser(ada, {})
    await staysEnded(nodes, guest, { guest: true }, async (engine) =>
      assert.ok(await adopt(engine, ada, guest.userId)),
    )
  }))

it('a session that made room for another one', () =>
  withNodes('room:', async (nodes) => {
    const { one, two, count } = nodes
    const since = Date.now() - 1_000
    const { sessionId } = await startAndDetach(nodes, ada)
    const other = await startSession(two, request(ada, { sessionsPerUser: 1 }))
    assert.notEqual(other.sessionId, sessionId)
    await beginHistory(nodes, since)
    await until('both nodes have made their starts again', () => count.restoreSession, 2)
    assert.deepEqual(idsOf(await one.sessions(ada)), [other.sessionId])
  }))

for (const [how, hasMoved] of [
  ['the backend has ended', false],
  ['has moved and then ended', true],
] as const)
  it(`a session that ${how}, if the new master lacks the end, and the end is made again first`, () =>
    withNodes(`first ${hasMoved}:`, async (nodes) => {
      const { one, two, prefix, count, hold } = nodes
      const since = Date.now() - 1_000
      const left = await startAndDetach(nodes, ada, { keyHash: 'the key' })
      const moved = request(ada, { resumes: 'the key' })
      const session = hasMoved ? await startSession(two, moved) : left
      assert.equal(session.sessionId, left.sessionId)
      assert.ok(await two.endSession(session, 'ended', hasMoved ? moved.connectionId : undefined))
      await server.command('del', `${prefix}{${tags[new Partitions().of(ada)]}}:tombs:${app}\0${ada.userId}`)
      hold.until = until('the second node has made the end again', () => count.endSession, 2)
      await beginHistory(nodes, since)
      await until('both nodes have made their starts again', () => count.restoreSession, hasMoved ? 2 : 1)
      assert.deepEqual(await one.sessions(ada), [])
    }))

it('Redis does not keep all ids of sessions that have ended while others go on to end', async () => {
  let now = 0
  const client = createRedisClient({ type: 'single', url: server.url })
  const engine = createSharedEngine({
    client: () => client,
    prefix: 'many:',
    onError: assert.ifError,
    clockShift: () => now,
  })
  await whileOpen(engine, async () => {
    for (let n = 0; n < 200; n++) {
      assert.ok(await engine.endSession(await startSession(engine, request(ada)), 'revoked'))
      now += 1_800_000
    }
  })
  const key = `many:{${tags[new Partitions().of(ada)]}}:tombs:${app}\0${ada.userId}`
  const kept = Number(await server.command('hlen', key))
  // Two of them are younger than an hour.
  assert.ok(kept >= 2 && kept < 50, `${kept} ids are kept`)
})
