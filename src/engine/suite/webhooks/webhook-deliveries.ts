import assert from 'node:assert/strict'
import type { Engine, PendingEvent } from '../../engine.js'
import { ada, app, bob, deliver, nextEvents, start, until, type SuiteContext } from '../kit.js'
import { ask, pending, typesOf } from '../webhook-kit.js'

/** Milliseconds for which the engine leases an event. */
const LEASE = 60_000

/** Takes the only event that is due, and ends its delivery as delivered. */
const deliverNext = async (engine: Engine): Promise<PendingEvent> => {
  const [taken, ...others] = await engine.takeDueEvents(app, 10, LEASE)
  assert.ok(taken)
  assert.deepEqual(others, [])
  await engine.endDelivery(app, taken.event.userId, taken.event.id, { delivered: true })
  return taken
}

/** A part of the suite: webhook events are kept until they are delivered. */
export const webhookDeliveriesSuite = ({
  describe,
  on,
  reopen,
  durable,
  ordered = true,
}: SuiteContext): void => {
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
      await engine.endDelivery(app, first.event.userId, first.event.id, { delivered: true })
      const [next, ...others] = await engine.takeDueEvents(app, 10, LEASE)
      assert.deepEqual(others, [])
      assert.deepEqual([next?.event.userId, next?.event.type], [first.event.userId, 'user.online'])
    })

    on('take no more than the limit, and announce events whose lease is over', async (engine) => {
      await ask(engine, ['session.started'])
      for (let n = 0; n < 5; n++) await start(engine, { appId: app, userId: `user ${n}` })
      assert.equal((await engine.takeDueEvents(app, 3, LEASE)).length, 3)
      assert.equal((await engine.takeDueEvents(app, 10, 30)).length, 2)
      let again = 0
      const life = new AbortController()
      engine.listen(({ type }) => {
        if (type !== 'webhooks-due') return
        void engine.takeDueEvents(app, 10, LEASE).then(({ length }) => (again += length))
      }, life.signal)
      await until('the leases are over', () => Promise.resolve(again === 2))
      life.abort()
    })

    on('empty the queue in the order of the events', async (engine) => {
      await ask(engine)
      const session = await start(engine, ada)
      await engine.endSession(session, 'ended')
      const types: string[] = []
      for (let n = 0; n < 4; n++) types.push((await deliverNext(engine)).event.type)
      assert.deepEqual(types, ['session.started', 'user.online', 'session.ended', 'user.offline'])
      assert.deepEqual(await engine.takeDueEvents(app, 10, LEASE), [])
      assert.deepEqual(await engine.pendingSummary(app), { pending: 0, oldestAt: null })
      await start(engine, ada)
      assert.equal((await deliverNext(engine)).event.type, 'session.started')
    })

    on('are tried again at the time that is asked for', async (engine) => {
      await ask(engine, ['session.started'])
      await start(engine, ada)
      const [taken] = await engine.takeDueEvents(app, 1, LEASE)
      assert.ok(taken)
      const { id } = taken.event
      await engine.endDelivery(app, 'ada', id, { retryAfter: LEASE, error: '500' })
      assert.deepEqual(await engine.takeDueEvents(app, 1, LEASE), [])
      const [waiting] = await pending(engine)
      assert.deepEqual([waiting?.attempts, waiting?.lastError, waiting?.state], [1, '500', 'pending'])
      assert.ok(Math.abs((waiting?.dueAt ?? 0) - Date.now() - LEASE) < 5_000)
      const due = nextEvents(engine, 'webhooks-due')
      await engine.endDelivery(app, 'ada', id, { retryAfter: 50, error: '501' })
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
      await engine.endDelivery(app, 'ada', first.event.id, { failed: 'gone' })
      assert.equal((await deliverNext(engine)).event.type, 'user.online')
      const [failed, ...others] = await pending(engine)
      assert.deepEqual(others, [])
      assert.deepEqual([failed?.state, failed?.lastError, failed?.event], ['failed', 'gone', first.event])
      assert.equal((await engine.pendingSummary(app)).pending, 0)
      assert.equal(await engine.replayEvent(app, 'bob', first.event.id), false)
      assert.equal(await engine.replayEvent(app, 'ada', 'evt_99_none'), false)
      await start(engine, ada)
      assert.equal(await engine.replayEvent(app, 'ada', first.event.id), true)
      assert.equal(await engine.replayEvent(app, 'ada', first.event.id), false)
      assert.deepEqual((await deliverNext(engine)).event, first.event)
      assert.equal((await deliverNext(engine)).event.type, 'session.started')
      assert.deepEqual(await pending(engine), [])
    })

    on('are counted and replayed though their message has half a surrogate pair', async (engine) => {
      await ask(engine, ['message.created'])
      await deliver(engine, { to: 'bob', body: 'Hello \ud83d' })
      const [event] = await engine.takeDueEvents(app, 1, LEASE)
      assert.ok(event)
      assert.deepEqual(await engine.pendingSummary(app), { pending: 1, oldestAt: event.event.at })
      await engine.endDelivery(app, 'bob', event.event.id, { failed: 'gone' })
      assert.equal(await engine.replayEvent(app, 'ada', event.event.id), false)
      assert.equal(await engine.replayEvent(app, 'bob', event.event.id), true)
      assert.deepEqual((await deliverNext(engine)).event, event.event)
    })

    on('are ended only by the id of the oldest event, and once', async (engine) => {
      await ask(engine)
      await start(engine, ada)
      const [, second] = await pending(engine)
      assert.ok(second)
      await engine.endDelivery(app, 'ada', second.event.id, { delivered: true })
      await engine.endDelivery(app, 'bob', second.event.id, { delivered: true })
      await engine.endDelivery(app, 'ada', 'nonsense', { delivered: true })
      assert.equal((await pending(engine)).length, 2)
      const first = await deliverNext(engine)
      await engine.endDelivery(app, 'ada', first.event.id, { delivered: true })
      assert.deepEqual(typesOf(await pending(engine)), ['user.online'])
    })

    on('that are pending are listed by pages, and counted, with the time of the oldest', async (engine) => {
      await ask(engine, ['session.started'])
      for (let n = 0; n < 7; n++) await start(engine, { appId: app, userId: `user ${n % 3}` })
      const all = await pending(engine)
      const times = all.map(({ event }) => event.at)
      assert.deepEqual(await engine.pendingSummary(app), { pending: 7, oldestAt: Math.min(...times) })
      if (ordered) {
        assert.equal(times[0], Math.min(...times))
        assert.deepEqual(
          all.map(({ event }) => event.userId),
          Array.from({ length: 7 }, (_, n) => `user ${n % 3}`),
        )
      }
      const found: PendingEvent[] = []
      for (let after: string | null = null; ;) {
        const { events, next } = await engine.pendingEvents(app, after, 3)
        found.push(...events)
        if (next === null) break
        after = next
      }
      assert.deepEqual(
        found.map(({ event }) => event),
        all.map(({ event }) => event),
      )
      assert.deepEqual(await engine.pendingEvents('app2', null, 3), { events: [], next: null })
    })

    on('lose and repeat no event when many are added at once', async (engine) => {
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
          await engine.endDelivery(app, event.userId, event.id, { delivered: true })
        }
        return count === 200
      })
      await work
      assert.deepEqual(await engine.pendingSummary(app), { pending: 0, oldestAt: null })
    })

    if (durable) {
      on('go on at once after a restart, and later events have greater numbers', async (engine) => {
        await ask(engine, ['session.started'])
        await start(engine, ada)
        await start(engine, bob)
        const before = await pending(engine)
        const taken = await engine.takeDueEvents(app, 10, LEASE)
        const [first] = taken
        assert.ok(first)
        await engine.endDelivery(app, first.event.userId, first.event.id, {
          retryAfter: LEASE,
          error: '500',
        })
        await reopen(engine)
        const due = nextEvents(engine, 'webhooks-due')
        await ask(engine, ['session.started'])
        await due
        const again = await engine.takeDueEvents(app, 10, LEASE)
        const inOrder = (events: PendingEvent[]) =>
          events.map(({ event }) => event).toSorted((a, b) => (a.userId < b.userId ? -1 : 1))
        assert.deepEqual(inOrder(again), inOrder(before))
        assert.equal(again.find(({ event }) => event.id === first.event.id)?.attempts, 1)
        await start(engine, ada)
        const knownIds = before.map(({ event }) => event.id)
        const third = (await pending(engine)).find(({ event }) => !knownIds.includes(event.id))
        const earlier = before.filter(({ event }) => ordered || event.userId === ada.userId)
        assert.ok((third?.event.seq ?? 0) > Math.max(...earlier.map(({ event }) => event.seq)))
      })

      on('that were delivered or failed stay so after a restart', async (engine) => {
        await ask(engine, ['session.started'])
        await start(engine, ada)
        await start(engine, bob)
        const [first, second] = await engine.takeDueEvents(app, 10, LEASE)
        assert.ok(first && second)
        await engine.endDelivery(app, first.event.userId, first.event.id, { delivered: true })
        await engine.endDelivery(app, second.event.userId, second.event.id, { failed: 'gone' })
        await reopen(engine)
        await ask(engine, ['session.started'])
        const [only, ...others] = await pending(engine)
        assert.deepEqual(others, [])
        assert.deepEqual([only?.event.id, only?.state], [second.event.id, 'failed'])
        assert.deepEqual(await engine.takeDueEvents(app, 10, LEASE), [])
        assert.equal((await engine.pendingSummary(app)).pending, 0)
      })
    }
  })
}
