import assert from 'node:assert/strict'
import type { UserRef } from '../../engine.js'
import {
  ada,
  advanceClock,
  app,
  bob,
  deliver,
  request,
  start,
  startSession,
  until,
  type SuiteContext,
  saveGuest,
} from '../kit.js'

/** A part of the suite: who is online. */
export const presenceSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('the status of a user', () => {
    on('is offline for one who never came', async (engine) => {
      assert.deepEqual(await engine.status(ada), {
        online: false,
        sessions: 0,
        lastSeenAt: null,
        revokedBefore: null,
        unread: 0,
      })
    })

    on('is online until 20 seconds after the connection was lost', async (engine) => {
      const asked = request(ada)
      const session = await startSession(engine, asked)
      const lostAt = performance.now()
      await engine.detachSession(session, asked.connectionId, 60_000)
      advanceClock(19_000)
      const early = await engine.status(ada)
      // On a busy machine the 20 seconds are perhaps over by now.
      if (performance.now() - lostAt < 20_000) assert.equal(early.online, true)
      advanceClock(2_000)
      const { online, sessions } = await engine.status(ada)
      assert.deepEqual({ online, sessions }, { online: false, sessions: 1 })
      await startSession(engine, request(ada, { resumes: asked.keyHash }))
      assert.equal((await engine.status(ada)).online, true)
    })

    on(
      'is offline at once when the last session ends, and says when the user was last there',
      async (engine) => {
        const before = Date.now()
        const [first, second] = [await start(engine, ada), await start(engine, ada)]
        await engine.endSession(first, 'ended')
        assert.equal((await engine.status(ada)).online, true)
        await engine.endSession(second, 'ended')
        const isSeen = async (): Promise<boolean> => ((await engine.status(ada)).lastSeenAt ?? 0) >= before
        assert.equal((await engine.status(ada)).online, false)
        await until('the time is stored', isSeen)
        if (!durable) return
        await reopen(engine)
        assert.ok(await isSeen())
      },
    )

    on('says when the user was last there, though a connection was lost before', async (engine) => {
      const asked = request(ada)
      const lost = await startSession(engine, asked)
      const other = await start(engine, ada)
      await engine.detachSession(lost, asked.connectionId, 60_000)
      const lostAt = Date.now()
      await until('a later time', () => Promise.resolve(Date.now() > lostAt + 1))
      await engine.endSession(other, 'ended')
      const isSeen = async (): Promise<boolean> => ((await engine.status(ada)).lastSeenAt ?? 0) > lostAt
      assert.ok(await isSeen(), 'while the lost session can be resumed')
      assert.ok(Number((await engine.watch([ada]))[0]?.lastSeenAt) > lostAt)
      await engine.endSession(lost, 'ended')
      await until('the time is stored', isSeen)
    })

    on('says when a connection answered last', async (engine) => {
      const asked = request(ada)
      const session = await startSession(engine, asked)
      const { now } = Date
      try {
        // An engine may use either clock, so both are set forward.
        Date.now = () => now() + 60_000
        advanceClock(60_000)
        await engine.touchSession(session, 'another', { rtt: 7 })
        assert.equal((await engine.sessions(ada))[0]?.rtt, null)
        await engine.touchSession(session, asked.connectionId, { rtt: 8 })
      } finally {
        Date.now = now
      }
      const [touched] = await engine.sessions(ada)
      assert.equal(touched?.rtt, 8)
      assert.ok(touched.lastSeenAt >= session.lastSeenAt + 60_000)
      // An engine may say that the user of an active session is seen now.
      assert.ok(((await engine.status(ada)).lastSeenAt ?? 0) >= touched.lastSeenAt)
    })

    if (durable) {
      on('says when a connection answered last, also after the engine was opened again', async (engine) => {
        const [asked, left] = [request(ada), request(bob)]
        const [session, other] = [await startSession(engine, asked), await startSession(engine, left)]
        await engine.detachSession(other, left.connectionId, 60_000)
        await until('a later time', () => Promise.resolve(Date.now() > session.lastSeenAt + 1))
        await engine.touchSession(session, asked.connectionId, { rtt: 7 })
        const seen = async (of: UserRef): Promise<number> => (await engine.status(of)).lastSeenAt ?? 0
        const [touchedAt, leftAt] = [await seen(ada), await seen(bob)]
        assert.ok(touchedAt > session.lastSeenAt)
        await reopen(engine)
        assert.ok((await seen(ada)) >= touchedAt)
        assert.equal(await seen(bob), leftAt)
      })

      on('is online for 20 seconds after the engine was opened again', async (engine) => {
        await startSession(engine, request(ada))
        await reopen(engine)
        assert.equal((await engine.status(ada)).online, true)
        advanceClock(21_000)
        assert.equal((await engine.status(ada)).online, false)
      })
    }
  })

  describe('the usage of an app', () => {
    on('counts users, guests, inboxes, bytes and sessions', async (engine) => {
      const none = { users: 0, guests: 0, inboxes: 0, bytes: 0, sessions: 0 }
      assert.deepEqual(await engine.usage(app), none)
      await engine.saveUser(ada, {})
      await engine.saveUser(bob, {})
      await engine.saveUser(bob, { claimed: { name: 'Bob' } })
      await saveGuest(engine, { appId: app, userId: 'guest:1' }, {}, 10)
      const session = await start(engine, ada)
      await start(engine, bob)
      await engine.endSession(session, 'ended')
      await deliver(engine)
      const { bytes, ...counts } = await engine.usage(app)
      assert.deepEqual(counts, { users: 3, guests: 1, inboxes: 2, sessions: 1 })
      assert.ok(bytes > 0)
      assert.deepEqual(await engine.usage('app2'), none)
      if (!durable) return
      await reopen(engine)
      assert.deepEqual(await engine.usage(app), { bytes, ...counts })
    })
  })

  describe('a check', () => {
    on('resolves while the engine can write', async (engine) => {
      await Promise.all([engine.check(), engine.check()])
    })
  })
}
