import assert from 'node:assert/strict'
import type { Engine, OwedEvent, UserRef, WebhookEventType } from '../engine.js'
import { webhookEventTypes } from '../engine.js'
import {
  ada,
  advanceClock,
  app,
  bob,
  deliver,
  nextEvents,
  request,
  rules,
  start,
  startSession,
  until,
  vouch,
  type SuiteContext,
} from './kit.js'

const LEASE = 60_000

/** Asks for webhook events; for all types unless some are named. */
const ask = (
  engine: Engine,
  events: readonly WebhookEventType[] = webhookEventTypes,
  unreadAfter = 3_600_000,
): Promise<void> => engine.configure(app, { retention: rules().retention, webhooks: { events, unreadAfter } })

const typesOf = (events: OwedEvent[]): string[] => events.map(({ event }) => event.type)

/** Every owed or failed event of the app. */
const owed = async (engine: Engine): Promise<OwedEvent[]> =>
  (await engine.owedEvents(app, null, 1_000)).events

const owedTo = async (engine: Engine, { userId }: UserRef): Promise<OwedEvent[]> =>
  (await owed(engine)).filter(({ event }) => event.userId === userId)

/** Takes the one event that is due and settles it as delivered. */
const deliverNext = async (engine: Engine): Promise<OwedEvent> => {
  const [taken, ...others] = await engine.takeDueEvents(app, 10, LEASE)
  assert.ok(taken)
  assert.deepEqual(others, [])
  await engine.settleEvent(app, taken.event.userId, taken.event.id, { delivered: true })
  return taken
}

/** Waits until an event of this type is owed to the user. */
const untilOwed = async (engine: Engine, of: UserRef, type: WebhookEventType): Promise<OwedEvent> => {
  let found: OwedEvent | undefined
  await until(`${type} is owed`, async () => {
    found = (await owedTo(engine, of)).find(({ event }) => event.type === type)
    return found !== undefined
  })
  return found ?? assert.fail()
}

/** A part of the suite: webhook events are kept until they are delivered. */
export const webhookEventsSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('webhook events', () => {
    on('are kept of the types that the app asks for alone, and of no other app', async (engine) => {
      await start(engine, ada)
      assert.deepEqual(await owed(engine), [])
      await ask(engine, ['session.ended'])
      await engine.endSession(await start(engine, ada), 'ended')
      await start(engine, { ...ada, appId: 'app2' })
      assert.deepEqual(typesOf(await owed(engine)), ['session.ended'])
      await engine.configure(app, { retention: rules().retention, webhooks: null })
      await start(engine, ada)
      assert.equal((await owed(engine)).length, 1)
    })

    on('report a user with the profile and the state', async (engine) => {
      await ask(engine)
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      await engine.saveUser(ada, { claimed: { locale: 'fr' } })
      await engine.deleteUser(ada)
      const events = await owedTo(engine, ada)
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

    on('report a guest who comes and leaves nothing', async (engine) => {
      await ask(engine, ['user.created', 'user.deleted'])
      const guest = { appId: app, userId: 'guest:1' }
      await engine.saveGuest(guest, {}, 10)
      await engine.endSession(await startSession(engine, request(guest, { guest: true })), 'ended')
      await untilOwed(engine, guest, 'user.deleted')
      const [created] = await owedTo(engine, guest)
      assert.equal(created?.event.data['guest'], true)
    })

    on('report sessions and presence: the first to start, and the last to end', async (engine) => {
      await ask(engine)
      const first = await start(engine, ada)
      const second = await start(engine, ada)
      await engine.endSession(first, 'ended')
      await engine.endSession(second, 'revoked')
      const events = await owedTo(engine, ada)
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

    on('report a resumed session neither as started nor as online', async (engine) => {
      await ask(engine)
      const asked = request(ada)
      const session = await startSession(engine, asked)
      await engine.detachSession(session, asked.connectionId, 60_000)
      await startSession(engine, request(ada, { resumes: asked.keyHash }))
      assert.deepEqual(typesOf(await owedTo(engine, ada)), ['session.started', 'user.online'])
    })

    on(
      'report a user as offline 20 seconds after the connection was lost, and as online at a resume',
      async (engine) => {
        await ask(engine, ['user.online', 'user.offline'])
        const asked = request(ada)
        const session = await startSession(engine, asked)
        await engine.detachSession(session, asked.connectionId, 60_000)
        advanceClock(19_000)
        await engine.status(ada)
        assert.deepEqual(typesOf(await owedTo(engine, ada)), ['user.online'])
        advanceClock(2_000)
        await engine.status(ada)
        await untilOwed(engine, ada, 'user.offline')
        await startSession(engine, request(ada, { resumes: asked.keyHash }))
        const events = await owedTo(engine, ada)
        assert.deepEqual(typesOf(events), ['user.online', 'user.offline', 'user.online'])
        assert.deepEqual(events[1]?.event.data, { online: false, sessions: 1 })
      },
    )

    on('report a user as offline when a hold of less than 20 seconds expires', async (engine) => {
      await ask(engine, ['user.online', 'user.offline'])
      const asked = request(ada)
      await engine.detachSession(await startSession(engine, asked), asked.connectionId, 20)
      await untilOwed(engine, ada, 'user.offline')
    })

    on('report messages and read marks', async (engine) => {
      await ask(engine, ['message.created', 'message.read'])
      const sent = await deliver(engine, { data: { a: [1] } })
      await deliver(engine, { from: bob.userId, to: bob.userId })
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 1 })
      await engine.markRead(bob, { epoch, offset: 1 })
      const [created, toSelf, read, ...others] = await owed(engine)
      assert.deepEqual(others, [])
      const { messages } = await engine.messagesAfter(bob, { epoch, offset: 0 }, 1)
      assert.equal(messages[0]?.offset, sent.offset)
      assert.deepEqual(created?.event.data, { epoch, message: messages[0], online: false, sessions: 0 })
      assert.equal(created.event.userId, 'bob')
      assert.equal(toSelf?.event.type, 'message.created')
      assert.deepEqual(read?.event.data, { epoch, readOffset: 1, unread: 0, online: false, sessions: 0 })
    })

    on('have ids of their own, and numbers that rise for each user', async (engine) => {
      const before = Date.now()
      await ask(engine)
      await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          engine.saveUser({ appId: app, userId: `user ${n % 5}` }, { claimed: { name: `${n}` } }),
        ),
      )
      const events = (await owed(engine)).map(({ event }) => event)
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

  describe('message.unread', () => {
    on('comes once for a streak of unread messages, with the newest', async (engine) => {
      await ask(engine, ['message.unread'], 50)
      const sent = []
      for (let n = 0; n < 7; n++) sent.push(await deliver(engine, { body: `${n}` }))
      await deliver(engine, { from: bob.userId, to: ada.userId })
      const { event } = await untilOwed(engine, bob, 'message.unread')
      const { userId, epoch, unread, oldestAt, messages, online, sessions } = event.data
      assert.deepEqual(
        [userId, unread, oldestAt, online, sessions],
        [bob.userId, 7, sent[0]?.sentAt, false, 0],
      )
      assert.equal(epoch, (await engine.inbox(bob)).epoch)
      assert.deepEqual(
        (messages as { body: string }[]).map(({ body }) => body),
        ['2', '3', '4', '5', '6'],
      )
      await deliver(engine)
      // A later event of another user shows that there is none for a streak that was reported.
      await deliver(engine, { to: 'cy' })
      await untilOwed(engine, { appId: app, userId: 'cy' }, 'message.unread')
      assert.equal((await owedTo(engine, bob)).length, 1)
    })

    on('does not come for messages that were read, and comes again for a new streak', async (engine) => {
      await ask(engine, ['message.unread'], 50)
      await deliver(engine)
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 1 })
      await deliver(engine, { to: 'cy' })
      await untilOwed(engine, { appId: app, userId: 'cy' }, 'message.unread')
      assert.deepEqual(await owedTo(engine, bob), [])
      await deliver(engine, { body: 'again' })
      const { event } = await untilOwed(engine, bob, 'message.unread')
      assert.equal(event.data['unread'], 1)
    })

    on('waits for the oldest message that is still unread', async (engine) => {
      await ask(engine, ['message.unread'], 400)
      const began = performance.now()
      await deliver(engine)
      await until('half of the time is over', () => Promise.resolve(performance.now() - began > 200))
      const second = await deliver(engine, { body: 'second' })
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 1 })
      const { event } = await untilOwed(engine, bob, 'message.unread')
      assert.ok(performance.now() - began >= 590)
      assert.deepEqual([event.data['unread'], event.data['oldestAt']], [1, second.sentAt])
    })

    on('does not come for a user who was deleted', async (engine) => {
      await ask(engine, ['message.unread'], 50)
      await deliver(engine)
      await engine.deleteUser(bob)
      await deliver(engine, { to: 'cy' })
      await untilOwed(engine, { appId: app, userId: 'cy' }, 'message.unread')
      assert.deepEqual(await owedTo(engine, bob), [])
    })

    if (durable) {
      on('comes after a restart too', async (engine) => {
        await ask(engine, ['message.unread'], 300)
        await deliver(engine)
        await reopen(engine)
        await ask(engine, ['message.unread'], 300)
        await untilOwed(engine, bob, 'message.unread')
      })
    }
  })

  describe('deliveries of webhook events', () => {
    on('take the oldest event of each user, and not again while it is leased', async (engine) => {
      await ask(engine)
      await start(engine, ada)
      await start(engine, bob)
      const taken = await engine.takeDueEvents(app, 10, LEASE)
      assert.deepEqual(taken.map(({ event: { userId, type } }) => `${userId} ${type}`).toSorted(), [
        'ada session.started',
        'bob session.started',
      ])
      assert.deepEqual(await engine.takeDueEvents(app, 10, LEASE), [])
      const [first] = taken
      assert.ok(first)
      await engine.settleEvent(app, first.event.userId, first.event.id, { delivered: true })
      const [next, ...others] = await engine.takeDueEvents(app, 10, LEASE)
      assert.deepEqual(others, [])
      assert.deepEqual([next?.event.userId, next?.event.type], [first.event.userId, 'user.online'])
    })

    on('take no more than the limit, and give back what was not settled in time', async (engine) => {
      await ask(engine, ['session.started'])
      for (let n = 0; n < 5; n++) await start(engine, { appId: app, userId: `user ${n}` })
      assert.equal((await engine.takeDueEvents(app, 2, 30)).length, 2)
      assert.equal((await engine.takeDueEvents(app, 10, LEASE)).length, 3)
      const again: OwedEvent[] = []
      await until('the leases are over', async () => {
        again.push(...(await engine.takeDueEvents(app, 10, LEASE)))
        return again.length === 2
      })
    })

    on('empty the queue in the order of the events', async (engine) => {
      await ask(engine)
      const session = await start(engine, ada)
      await engine.endSession(session, 'ended')
      const types: string[] = []
      for (let n = 0; n < 4; n++) types.push((await deliverNext(engine)).event.type)
      assert.deepEqual(types, ['session.started', 'user.online', 'session.ended', 'user.offline'])
      assert.deepEqual(await engine.takeDueEvents(app, 10, LEASE), [])
      assert.deepEqual(await engine.owedSummary(app), { owed: 0, oldestAt: null })
      await start(engine, ada)
      assert.equal((await deliverNext(engine)).event.type, 'session.started')
    })

    on('are tried again at the time that is asked for', async (engine) => {
      await ask(engine, ['session.started'])
      await start(engine, ada)
      const [taken] = await engine.takeDueEvents(app, 1, LEASE)
      assert.ok(taken)
      const { id } = taken.event
      await engine.settleEvent(app, 'ada', id, { retryAt: Date.now() + LEASE, error: '500' })
      assert.deepEqual(await engine.takeDueEvents(app, 1, LEASE), [])
      const [waiting] = await owed(engine)
      assert.deepEqual([waiting?.attempts, waiting?.lastError, waiting?.state], [1, '500', 'owed'])
      assert.ok(Math.abs((waiting?.dueAt ?? 0) - Date.now() - LEASE) < 5_000)
      const due = nextEvents(engine, 'webhooks-due')
      await engine.settleEvent(app, 'ada', id, { retryAt: Date.now() + 50, error: '501' })
      assert.equal((await due)[0]?.appId, app)
      await until('it is due', async () => (await engine.takeDueEvents(app, 1, LEASE))[0]?.attempts === 2)
    })

    on('are announced when an event happens', async (engine) => {
      await ask(engine, ['session.started'])
      const due = nextEvents(engine, 'webhooks-due')
      await start(engine, ada)
      assert.equal((await due)[0]?.appId, app)
      assert.equal((await engine.takeDueEvents(app, 1, LEASE)).length, 1)
    })

    on('that failed for good are listed, block no later event, and are replayed', async (engine) => {
      await ask(engine)
      await start(engine, ada)
      const [first] = await engine.takeDueEvents(app, 1, LEASE)
      assert.ok(first)
      await engine.settleEvent(app, 'ada', first.event.id, { failed: 'gone' })
      assert.equal((await deliverNext(engine)).event.type, 'user.online')
      const [failed, ...others] = await owed(engine)
      assert.deepEqual(others, [])
      assert.deepEqual([failed?.state, failed?.lastError, failed?.event], ['failed', 'gone', first.event])
      assert.equal((await engine.owedSummary(app)).owed, 0)
      assert.equal(await engine.replayEvent(app, 'bob', first.event.id), false)
      assert.equal(await engine.replayEvent(app, 'ada', 'evt_99_none'), false)
      await start(engine, ada)
      assert.equal(await engine.replayEvent(app, 'ada', first.event.id), true)
      assert.equal(await engine.replayEvent(app, 'ada', first.event.id), false)
      assert.deepEqual((await deliverNext(engine)).event, first.event)
      assert.equal((await deliverNext(engine)).event.type, 'session.started')
      assert.deepEqual(await owed(engine), [])
    })

    on('are settled only by the id of the oldest event, and once', async (engine) => {
      await ask(engine)
      await start(engine, ada)
      const [, second] = await owed(engine)
      assert.ok(second)
      await engine.settleEvent(app, 'ada', second.event.id, { delivered: true })
      await engine.settleEvent(app, 'bob', second.event.id, { delivered: true })
      await engine.settleEvent(app, 'ada', 'nonsense', { delivered: true })
      assert.equal((await owed(engine)).length, 2)
      const first = await deliverNext(engine)
      await engine.settleEvent(app, 'ada', first.event.id, { delivered: true })
      assert.deepEqual(typesOf(await owed(engine)), ['user.online'])
    })

    on('are listed by pages, and counted with the oldest', async (engine) => {
      await ask(engine, ['session.started'])
      for (let n = 0; n < 7; n++) await start(engine, { appId: app, userId: `user ${n % 3}` })
      const all = await owed(engine)
      assert.deepEqual(await engine.owedSummary(app), { owed: 7, oldestAt: all[0]?.event.at })
      const found: OwedEvent[] = []
      for (let after: string | null = null; ;) {
        const { events, next } = await engine.owedEvents(app, after, 3)
        found.push(...events)
        if (next === null) break
        after = next
      }
      assert.deepEqual(
        found.map(({ event }) => event),
        all.map(({ event }) => event),
      )
      assert.deepEqual(await engine.owedEvents('app2', null, 3), { events: [], next: null })
    })

    on('of many events at once lose and repeat none', async (engine) => {
      await ask(engine, ['user.created', 'user.updated'])
      const work = Promise.all(
        Array.from({ length: 200 }, (_, n) =>
          engine.saveUser({ appId: app, userId: `user ${n % 7}` }, { claimed: { name: `${n}` } }),
        ),
      )
      const last = new Map<string, number>()
      let count = 0
      await until('all are delivered', async () => {
        for (const { event } of await engine.takeDueEvents(app, 5, LEASE)) {
          assert.ok(event.seq > (last.get(event.userId) ?? 0), 'in order')
          last.set(event.userId, event.seq)
          count++
          await engine.settleEvent(app, event.userId, event.id, { delivered: true })
        }
        return count === 200
      })
      await work
      assert.deepEqual(await engine.owedSummary(app), { owed: 0, oldestAt: null })
    })

    if (durable) {
      on('go on after a restart, at once, and with numbers that go on', async (engine) => {
        await ask(engine, ['session.started'])
        await start(engine, ada)
        await start(engine, bob)
        const before = await owed(engine)
        const taken = await engine.takeDueEvents(app, 10, LEASE)
        const [first] = taken
        assert.ok(first)
        await engine.settleEvent(app, first.event.userId, first.event.id, {
          retryAt: Date.now() + LEASE,
          error: '500',
        })
        await reopen(engine)
        const due = nextEvents(engine, 'webhooks-due')
        await ask(engine, ['session.started'])
        await due
        const again = await engine.takeDueEvents(app, 10, LEASE)
        const bySeq = (a: OwedEvent, b: OwedEvent): number => a.event.seq - b.event.seq
        assert.deepEqual(
          again.toSorted(bySeq).map(({ event }) => event),
          before.map(({ event }) => event),
        )
        assert.equal(again.find(({ event }) => event.id === first.event.id)?.attempts, 1)
        await start(engine, ada)
        const [, , third] = await owed(engine)
        assert.ok((third?.event.seq ?? 0) > Math.max(...before.map(({ event }) => event.seq)))
      })

      on('that were delivered or failed are so after a restart', async (engine) => {
        await ask(engine, ['session.started'])
        await start(engine, ada)
        await start(engine, bob)
        const [first, second] = await engine.takeDueEvents(app, 10, LEASE)
        assert.ok(first && second)
        await engine.settleEvent(app, first.event.userId, first.event.id, { delivered: true })
        await engine.settleEvent(app, second.event.userId, second.event.id, { failed: 'gone' })
        await reopen(engine)
        await ask(engine, ['session.started'])
        const [only, ...others] = await owed(engine)
        assert.deepEqual(others, [])
        assert.deepEqual([only?.event.id, only?.state], [second.event.id, 'failed'])
        assert.deepEqual(await engine.takeDueEvents(app, 10, LEASE), [])
        assert.equal((await engine.owedSummary(app)).owed, 0)
      })
    }
  })
}
