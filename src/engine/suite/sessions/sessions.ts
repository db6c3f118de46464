import assert from 'node:assert/strict'
import type { SessionRecord } from '../../engine.js'
import {
  ada,
  app,
  nextEvents,
  idsOf,
  recordOf,
  request,
  start,
  trickyIds,
  type SuiteContext,
  startSession,
} from '../kit.js'

/** A part of the suite: starting, listing and ending sessions. */
export const sessionsSuite = ({ describe, on }: SuiteContext): void => {
  describe('sessions', () => {
    on('start with an id of their own and the fields of the request', async (engine) => {
      const before = Date.now()
      const one = await start(engine, ada)
      const guest = recordOf(await startSession(engine, request(ada, { guest: true })))
      assert.ok(one.sessionId !== '' && one.sessionId !== guest.sessionId)
      assert.ok(one.startedAt >= before && one.startedAt <= Date.now())
      assert.deepEqual(one, {
        ...ada,
        sessionId: one.sessionId,
        guest: false,
        credential: one.credential,
        origin: 'https://example.com',
        address: '203.0.113.1',
        client: 'suite/1',
        node: 'node 1',
        rtt: null,
        startedAt: one.startedAt,
        lastSeenAt: one.startedAt,
        state: 'active',
        hidden: false,
      })
      assert.equal(guest.guest, true)
      assert.deepEqual(await engine.sessions(ada), [one, guest])
    })

    on('end once, and only with the right user and app', async (engine) => {
      const session = await start(engine, ada)
      const kept = await start(engine, ada)
      assert.equal(await engine.endSession({ ...session, userId: 'bob' }, 'ended'), false)
      assert.equal(await engine.endSession({ ...session, appId: 'app2' }, 'ended'), false)
      assert.equal(await engine.endSession({ ...session, sessionId: 'none' }, 'ended'), false)
      assert.deepEqual(await engine.sessions(ada), [session, kept])
      assert.equal(await engine.endSession(session, 'ended'), true)
      assert.equal(await engine.endSession(session, 'ended'), false)
      assert.deepEqual(await engine.sessions(ada), [kept])
    })

    on('end once when they are ended twice at the same time', async (engine) => {
      const session = await start(engine, ada)
      const ended = await Promise.all([
        engine.endSession(session, 'ended'),
        engine.endSession(session, 'revoked'),
      ])
      assert.deepEqual(ended.toSorted(), [false, true])
    })

    on('keep to the limit when many start at once', async (engine) => {
      const events = nextEvents(engine, 'session-ended', 47)
      const started = await Promise.all(Array.from({ length: 50 }, () => start(engine, ada, 3)))
      const replaced = (await events).map(({ session }) => session.sessionId)
      const live = idsOf(await engine.sessions(ada))
      assert.equal(live.length, 3)
      assert.deepEqual([...replaced, ...live].toSorted(), idsOf(started).toSorted())
    })

    on('have ids that are all different', async (engine) => {
      const started = await Promise.all(
        Array.from({ length: 1_000 }, (_, n) => start(engine, { appId: app, userId: `user ${n % 50}` })),
      )
      assert.equal(new Set(idsOf(started)).size, 1_000)
    })

    on('of two apps are separate', async (engine) => {
      const twin = { appId: 'app2', userId: ada.userId }
      const here = await start(engine, ada, 1)
      const there = await start(engine, twin, 1)
      assert.deepEqual(await engine.sessions(ada), [here])
      assert.deepEqual(await engine.sessions(twin), [there])
    })

    on('of users with any ids are separate, prefixes of each other included', async (engine) => {
      const started = new Map<string, SessionRecord>()
      for (const userId of trickyIds) started.set(userId, await start(engine, { appId: app, userId }, 1))
      for (const [userId, session] of started) {
        assert.deepEqual(await engine.sessions({ appId: app, userId }), [session])
      }
      assert.equal(await engine.endSession(started.get('a') ?? assert.fail(), 'ended'), true)
      assert.deepEqual(await engine.sessions({ appId: app, userId: 'a' }), [])
      assert.deepEqual(await engine.sessions({ appId: app, userId: 'ab' }), [started.get('ab')])
    })

    on('of an app and a user whose joined ids equal those of others are separate', async (engine) => {
      const one = await start(engine, { appId: 'x', userId: 'y/z' })
      const two = await start(engine, { appId: 'x-y', userId: 'z' })
      assert.deepEqual(await engine.sessions(one), [one])
      assert.deepEqual(await engine.sessions(two), [two])
    })

    on('do not change when a caller changes a returned object', async (engine) => {
      const started = await start(engine, ada)
      const session = { ...started }
      started.guest = true
      const [found] = await engine.sessions(ada)
      assert.deepEqual(found, session)
      found.guest = true
      assert.deepEqual(await engine.sessions(ada), [session])
    })
  })
}
