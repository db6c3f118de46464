import assert from 'node:assert/strict'
import {
  ada,
  advanceClock,
  app,
  bob,
  deliver,
  newMessage,
  nextEvents,
  request,
  rules,
  start,
  startSession,
  until,
  vouch,
  type SuiteContext,
  saveGuest,
} from '../kit.js'
import { ask, pending, pendingOf, typesOf, untilPending } from '../webhook-kit.js'

/** A part of the suite: the webhook events that changes make. */
export const webhookEventsSuite = ({ describe, on, reopen }: SuiteContext): void => {
  describe('webhook events', () => {
    on('are kept only if the app asks for their type, and only for that app', async (engine) => {
      await start(engine, ada)
      assert.deepEqual(await pending(engine), [])
      await ask(engine, ['session.ended'])
      await engine.endSession(await start(engine, ada), 'ended')
      await start(engine, { ...ada, appId: 'app2' })
      assert.deepEqual(typesOf(await pending(engine)), ['session.ended'])
      await engine.configure(app, { retention: rules().retention, webhooks: null })
      await start(engine, ada)
      assert.equal((await pending(engine)).length, 1)
    })

    on('report a user with the profile and the state', async (engine) => {
      await ask(engine)
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      await engine.saveUser(ada, { claimed: { locale: 'fr' } })
      await engine.deleteUser(ada)
      const events = await pendingOf(engine, ada)
      assert.deepEqual(typesOf(events), ['user.created', 'user.updated', 'user.deleted'])
      assert.deepEqual(
        events.map(({ event }) => event.data),
        [
          { user: { id: 'ada', name: 'Ada' }, guest: false, online: false, sessions: 0 },
          { user: { id: 'ada', name: 'Ada', locale: 'fr' }, guest: false, online: false, sessions: 0 },
          { online: false, sessions: 0 },
        ],
      )
    })

    on(
      'report that a guest without messages is created, and is deleted after the session',
      async (engine) => {
        await ask(engine, ['user.created', 'user.deleted'])
        const guest = { appId: app, userId: 'guest:1' }
        await saveGuest(engine, guest, {}, 10)
        await engine.endSession(await startSession(engine, request(guest, { guest: true })), 'ended')
        await untilPending(engine, guest, 'user.deleted')
        const [created] = await pendingOf(engine, guest)
        assert.equal(created?.event.data['guest'], true)
      },
    )

    on('report sessions and presence: the first to start, and the last to end', async (engine) => {
      await ask(engine)
      const first = await start(engine, ada)
      const second = await start(engine, ada)
      await engine.endSession(first, 'ended')
      await engine.endSession(second, 'revoked')
      const events = await pendingOf(engine, ada)
      assert.deepEqual(typesOf(events), [
        ...['session.started', 'user.online', 'session.started'],
        ...['session.ended', 'session.ended', 'user.offline'],
      ])
      assert.deepEqual(
        events.map(({ event: { data } }) => [data['online'], data['sessions']]),
        [
          [true, 1],
          [true, 1],
          [true, 2],
          [true, 1],
          [false, 0],
          [false, 0],
        ],
      )
      const { data } = events[0]?.event ?? assert.fail()
      const { sessionId, startedAt, origin, address, client } = first
      const facts = { sessionId, guest: false, way: 'token', origin, address, client, startedAt }
      assert.deepEqual(data, { ...facts, online: true, sessions: 1 })
      assert.deepEqual(events[4]?.event.data['code'], 'revoked')
    })

    on('report sessions of a client whose name has half a surrogate pair', async (engine) => {
      await ask(engine)
      await startSession(engine, request(ada, { client: 'page \ud83d' }))
      const ended = nextEvents(engine, 'session-ended')
      await engine.revokeUser(ada, { issuedBefore: null, mode: 'end' })
      assert.deepEqual(
        (await ended).map(({ code }) => code),
        ['revoked'],
      )
      assert.deepEqual(typesOf(await pendingOf(engine, ada)), [
        ...['session.started', 'user.online', 'session.ended', 'user.offline'],
      ])
      assert.equal((await engine.usage(app)).sessions, 0)
    })

    on(
      'report a user as offline 20 seconds after the connection was lost, and as online at a resume',
      async (engine) => {
        await ask(engine, ['user.online', 'user.offline'])
        const asked = request(ada)
        const session = await startSession(engine, asked)
        const lostAt = performance.now()
        await engine.detachSession(session, asked.connectionId, 60_000)
        advanceClock(19_000)
        await engine.status(ada)
        const early = await pendingOf(engine, ada)
        // On a busy machine the 20 seconds are perhaps over by now.
        if (performance.now() - lostAt < 20_000) assert.deepEqual(typesOf(early), ['user.online'])
        advanceClock(2_000)
        await engine.status(ada)
        await untilPending(engine, ada, 'user.offline')
        await startSession(engine, request(ada, { resumes: asked.keyHash }))
        const events = await pendingOf(engine, ada)
        assert.deepEqual(typesOf(events), ['user.online', 'user.offline', 'user.online'])
        assert.deepEqual(events[1]?.event.data, { online: false, sessions: 1 })
      },
    )

    on('report a user as offline when a resume window of less than 20 seconds is over', async (engine) => {
      await ask(engine, ['user.online', 'user.offline'])
      const asked = request(ada)
      await engine.detachSession(await startSession(engine, asked), asked.connectionId, 20)
      await untilPending(engine, ada, 'user.offline')
    })

    on(
      'report no presence when a detached session ends while another keeps the user online',
      async (engine) => {
        await ask(engine, ['user.online', 'user.offline', 'session.ended'])
        const detached = request(ada)
        await engine.detachSession(await startSession(engine, detached), detached.connectionId, 30_000)
        await start(engine, ada)
        // From now on the detached session no longer makes the user online. It ends later.
        advanceClock(21_000)
        await engine.status(ada)
        advanceClock(10_000)
        await engine.status(ada)
        await untilPending(engine, ada, 'session.ended')
        assert.deepEqual(typesOf(await pendingOf(engine, ada)), ['user.online', 'session.ended'])
      },
    )

    on('report messages and read marks', async (engine) => {
      await ask(engine, ['message.created', 'message.read'])
      const sent = await deliver(engine, { data: { a: [1] } })
      await deliver(engine, { from: bob.userId, to: bob.userId })
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 1 })
      await engine.markRead(bob, { epoch, offset: 1 })
      const [created, toSelf, read, ...others] = await pending(engine)
      assert.deepEqual(others, [])
      const { messages } = await engine.messagesAfter(bob, { epoch, offset: 0 }, 1)
      assert.equal(messages[0]?.offset, sent.offset)
      assert.deepEqual(created?.event.data, { epoch, message: messages[0], online: false, sessions: 0 })
      assert.equal(created.event.userId, 'bob')
      assert.equal(toSelf?.event.type, 'message.created')
      assert.deepEqual(read?.event.data, { epoch, readOffset: 1, unread: 0, online: false, sessions: 0 })
    })

    on('report the trace of a message, which is no part of its content', async (engine) => {
      await ask(engine, ['message.created'])
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      const message = newMessage({ id: 'traced' })
      const first = await engine.send({ ...message, traceparent }, rules())
      const again = await engine.send(message, rules())
      assert.deepEqual([first.outcome, again.outcome], ['stored', 'repeated'])
      await deliver(engine)
      const [traced, other, ...others] = await pendingOf(engine, bob)
      assert.equal(traced?.event.data['traceparent'], traceparent)
      assert.ok(other && !('traceparent' in other.event.data))
      assert.deepEqual(others, [])
      const { epoch } = await engine.inbox(bob)
      const { messages } = await engine.messagesAfter(bob, { epoch, offset: 0 }, 1)
      assert.deepEqual(traced.event.data['message'], messages[0])
    })

    on('have greater numbers after a restart, since receivers ignore smaller ones', async (engine) => {
      await ask(engine, ['user.created'])
      await engine.saveUser(ada, {})
      const [{ event } = assert.fail()] = await pending(engine)
      await until('a millisecond is over', () => Promise.resolve(Date.now() > event.at))
      await reopen(engine)
      await ask(engine, ['user.created'])
      await engine.saveUser(bob, {})
      const [next] = await pendingOf(engine, bob)
      assert.ok((next?.event.seq ?? 0) > event.seq)
    })

    on('have ids of their own, and numbers that rise for each user', async (engine) => {
      const before = Date.now()
      await ask(engine)
      await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          engine.saveUser({ appId: app, userId: `user ${n % 5}` }, { claimed: { name: `${n}` } }),
        ),
      )
      const events = (await pending(engine)).map(({ event }) => event)
      assert.equal(new Set(events.map(({ id }) => id)).size, 50)
      for (const { id, at, appId } of events) {
        assert.match(id, /^[\w-]{1,64}$/)
        assert.ok(at >= before && at <= Date.now())
        assert.equal(appId, app)
      }
      for (let n = 0; n < 5; n++) {
        const seqs = events.filter(({ userId }) => userId === `user ${n}`).map(({ seq }) => seq)
        assert.deepEqual(
          seqs,
          [...new Set(seqs)].toSorted((a, b) => a - b),
        )
      }
    })
  })
}
