import assert from 'node:assert/strict'
import type { Engine } from '../engine.js'
import {
  app,
  bob,
  bodies,
  deliver,
  nextEvents,
  request,
  start,
  startSession,
  until,
  vouch,
  type SuiteContext,
  saveGuest,
} from './kit.js'

/** Asserts that the engine keeps nothing of Bob but the revocation. */
const assertForgotten = async (engine: Engine): Promise<void> => {
  assert.equal(await engine.user(bob), null)
  const { offset, readOffset, unread } = await engine.inbox(bob)
  assert.deepEqual({ offset, readOffset, unread }, { offset: 0, readOffset: 0, unread: 0 })
  assert.deepEqual(await bodies(engine, bob), [])
  const { sessions, lastSeenAt, revokedBefore } = await engine.status(bob)
  assert.deepEqual({ sessions, lastSeenAt }, { sessions: 0, lastSeenAt: null })
  assert.notEqual(revokedBefore, null)
}

/** A part of the suite: deleting users. */
export const deletingSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('deleting a user', () => {
    on('forgets user, inbox and sessions, and keeps the revocation', async (engine) => {
      await engine.saveUser(bob, { vouched: vouch({ name: 'Bob' }) })
      for (let n = 0; n < 20; n++) await deliver(engine)
      const session = await start(engine, bob)
      const { epoch, offset } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 3 })
      const ended = nextEvents(engine, 'session-ended')
      assert.equal(await engine.deleteUser(bob), true)
      assert.deepEqual((await ended)[0], {
        type: 'session-ended',
        session: { ...bob, sessionId: session.sessionId },
        code: 'revoked',
      })
      await assertForgotten(engine)
      const inbox = await engine.inbox(bob)
      assert.deepEqual(inbox, { epoch: inbox.epoch, offset: 0, readOffset: 0, unread: 0 })
      assert.notEqual(inbox.epoch, epoch)
      assert.deepEqual(await engine.messagesAfter(bob, { epoch, offset }, 10), {
        ...{ messages: [], inbox, lost: true },
      })
      assert.deepEqual(await engine.messagesBefore(bob, null, 10), { messages: [], inbox })
      assert.equal(await engine.markRead(bob, { epoch, offset }), null)
      const old = { ...request(bob).credential, issuedAt: session.credential.issuedAt }
      assert.equal(await engine.startSession(request(bob, { credential: old })), null)
      assert.deepEqual(
        (await engine.users(app, null, 10)).map(({ userId }) => userId),
        ['ada'],
      )
      if (!durable) return
      await reopen(engine)
      await assertForgotten(engine)
      assert.equal(await engine.startSession(request(bob, { credential: old })), null)
    })

    on('makes room: an inbox, its bytes and the user count no longer', async (engine) => {
      await engine.saveUser(bob, {})
      for (let n = 0; n < 10; n++) await deliver(engine, { from: null })
      await engine.deleteUser(bob)
      assert.deepEqual(await engine.usage(app), { users: 0, guests: 0, inboxes: 0, bytes: 0, sessions: 0 })
    })

    on('at the same time as messages to the user loses no message of a later inbox', async (engine) => {
      await deliver(engine)
      const [, , after] = await Promise.all([deliver(engine), engine.deleteUser(bob), deliver(engine)])
      const found = await bodies(engine, bob)
      const { offset } = await engine.inbox(bob)
      assert.equal(found.length, offset)
      assert.ok(after.offset >= 1)
      const next = await deliver(engine, { body: 'last' })
      assert.equal(next.offset, offset + 1)
      assert.equal((await bodies(engine, bob)).at(-1), 'last')
    })

    on(
      'resolves with true for a guest who is online, though the end of the session deletes the guest',
      async (engine) => {
        const guest = { appId: app, userId: 'guest:1' }
        for (const messages of [0, 1]) {
          await saveGuest(engine, guest)
          await startSession(engine, request(guest, { guest: true }))
          if (messages > 0) await deliver(engine, { to: guest.userId })
          assert.equal(await engine.deleteUser(guest), true)
          assert.equal(await engine.user(guest), null)
          // A credential that was issued in the millisecond of the revocation is revoked too, so the next one has to come later.
          const now = Date.now()
          await until('a later time', () => Promise.resolve(Date.now() > now + 1))
        }
        assert.equal(await engine.deleteUser(guest), false)
      },
    )

    on('works for a guest, and makes room for another', async (engine) => {
      const guest = { appId: app, userId: 'guest:1' }
      await saveGuest(engine, guest, {}, 1)
      assert.equal(await saveGuest(engine, { appId: app, userId: 'guest:2' }, {}, 1), null)
      await deliver(engine, { to: guest.userId })
      assert.equal(await engine.deleteUser(guest), true)
      await until(
        'there is room',
        async () => (await saveGuest(engine, { appId: app, userId: 'guest:2' }, {}, 1)) !== null,
      )
    })
  })
}
