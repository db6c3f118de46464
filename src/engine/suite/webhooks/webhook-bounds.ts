import assert from 'node:assert/strict'
import type { Engine, EngineEvent, EventLimits, PendingEvent, UserRef, WebhookEvent } from '../../engine.js'
import { ada, app, bob, deliver, nextEvents, start, until, type SuiteContext } from '../kit.js'
import { ask, pending, pendingOf, typesOf } from '../webhook-kit.js'

/** Milliseconds for which the engine leases an event. */
const LEASE = 60_000

/** If a user has this many pending events, the receiver counts as behind, and events about presence cancel each other. */
const BEHIND = 8

const UNLIMITED: EventLimits = { events: 1e9, bytes: 1e9 }

/** Stands for the user of the events `events.dropped` that concern the whole app. */
const ownEvents: UserRef = { appId: app, userId: '' }

/** Asks the engine for webhook events of these types, with limits of their number or bytes. */
const askWithin = (
  engine: Engine,
  events: Parameters<typeof ask>[1],
  limits: { user?: Partial<EventLimits>; app?: Partial<EventLimits> },
): Promise<void> =>
  ask(engine, events, undefined, {
    user: { ...UNLIMITED, ...limits.user },
    app: { ...UNLIMITED, ...limits.app },
  })

const droppedOf = (events: PendingEvent[]): Record<string, number>[] =>
  events.flatMap(({ event }) =>
    event.type === 'events.dropped' ? [event.data['dropped'] as Record<string, number>] : [],
  )

/**
 * Returns how many events `message.created` were dropped. If the first `events.dropped` of a queue is being delivered, a second one counts
 * the rest.
 */
const droppedMessages = (events: PendingEvent[]): number =>
  droppedOf(events).reduce((sum, dropped) => sum + (dropped['message.created'] ?? 0), 0)

/** Returns the body of each event's message, or the event's type. */
const bodiesOf = (events: PendingEvent[]): unknown[] =>
  events.map(({ event: { type, data } }) => (data['message'] as { body?: string } | undefined)?.body ?? type)

/** Delivers all events of the app until none is left. Returns those of the user, in the order in which they were taken. */
const deliverAll = async (engine: Engine, { userId }: UserRef): Promise<PendingEvent[]> => {
  const all: PendingEvent[] = []
  for (;;) {
    const taken = await engine.takeDueEvents(app, 100, LEASE)
    if (taken.length === 0) return all
    for (const one of taken) {
      if (one.event.userId === userId) all.push(one)
      await engine.endDelivery(app, one.event.userId, one.event.id, { delivered: true })
    }
  }
}

/** A part of the suite: pending webhook events are limited in number and bytes. */
export const webhookBoundsSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  const send = (engine: Engine, to: UserRef, body: string) => deliver(engine, { to: to.userId, body })
  /** Sends one message for each number from `from` to `upTo`. The number is the message's body. */
  const sendMany = async (engine: Engine, to: UserRef, from: number, upTo: number): Promise<void> => {
    for (let n = from; n <= upTo; n++) await send(engine, to, String(n))
  }

  describe('pending webhook events', () => {
    on('of a user beyond the limit are dropped, and counted in an event of the user', async (engine) => {
      await askWithin(engine, ['message.created', 'message.read'], { user: { events: 3 } })
      await sendMany(engine, bob, 1, 5)
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 5 })
      await send(engine, ada, 'to somebody else')
      const events = await pendingOf(engine, bob)
      assert.deepEqual(bodiesOf(events), ['1', '2', '3', 'events.dropped'])
      assert.deepEqual(events[3]?.event.data, {
        dropped: { 'message.created': 2, 'message.read': 1 },
        online: false,
        sessions: 0,
      })
      assert.deepEqual(bodiesOf(await pendingOf(engine, ada)), ['to somebody else'])
      assert.equal((await engine.pendingSummary(app)).pending, 5)
    })

    on('of an app beyond the limit are dropped, and counted in events of the app itself', async (engine) => {
      await askWithin(engine, ['message.created'], { app: { events: 3 } })
      const users = ['a', 'b', 'c', 'd', 'e'].map((userId) => ({ appId: app, userId }))
      for (const user of users) await send(engine, user, user.userId)
      const all = await pending(engine)
      assert.deepEqual(all.flatMap(({ event: { userId } }) => (userId === '' ? [] : [userId])).toSorted(), [
        'a',
        'b',
        'c',
      ])
      const own = await pendingOf(engine, ownEvents)
      assert.equal(droppedMessages(own), 2)
      for (const { event } of own) {
        assert.deepEqual([event.type, event.appId, event.userId], ['events.dropped', app, ''])
        assert.deepEqual(Object.keys(event.data), ['dropped'])
      }
      // The app's own events are delivered like those of a user.
      await deliverAll(engine, ownEvents)
      assert.deepEqual(await pending(engine), [])
    })

    on('are limited in bytes, too', async (engine) => {
      const body = 'x'.repeat(4_000)
      await askWithin(engine, ['message.created'], { user: { bytes: 10_000 } })
      for (let n = 0; n < 5; n++) await send(engine, bob, body)
      assert.deepEqual(droppedOf(await pendingOf(engine, bob)), [{ 'message.created': 3 }])
      await deliverAll(engine, bob)
      await askWithin(engine, ['message.created'], { app: { bytes: 10_000 } })
      for (let n = 0; n < 5; n++) await send(engine, bob, body)
      assert.deepEqual(bodiesOf(await pendingOf(engine, bob)), [body, body])
      assert.equal(droppedMessages(await pendingOf(engine, ownEvents)), 3)
    })

    on('below the limits are never dropped: room that deliveries make is used again', async (engine) => {
      await askWithin(engine, ['message.created'], {
        user: { events: 2, bytes: 4_000 },
        app: { events: 2, bytes: 4_000 },
      })
      for (let n = 1; n <= 20; n++) {
        await send(engine, bob, `${n} a`)
        await send(engine, bob, `${n} b`)
        assert.deepEqual(bodiesOf(await deliverAll(engine, bob)), [`${n} a`, `${n} b`])
      }
      await send(engine, bob, 'given up')
      const [taken] = await engine.takeDueEvents(app, 1, LEASE)
      assert.ok(taken)
      await engine.endDelivery(app, 'bob', taken.event.id, { failed: 'gone' })
      await sendMany(engine, bob, 1, 2)
      assert.equal(await engine.replayEvent(app, 'bob', taken.event.id), true)
      await send(engine, bob, 'dropped')
      assert.deepEqual(bodiesOf(await deliverAll(engine, bob)), ['given up', '1', '2', 'events.dropped'])
      await sendMany(engine, bob, 3, 4)
      assert.deepEqual(bodiesOf(await deliverAll(engine, bob)), ['3', '4'])
    })

    on('keep their order around an `events.dropped`, which does not change on its way', async (engine) => {
      await askWithin(engine, ['message.created'], { user: { events: 2 } })
      await sendMany(engine, bob, 1, 4)
      const next = async (): Promise<PendingEvent> => {
        const [taken] = await engine.takeDueEvents(app, 1, LEASE)
        return taken ?? assert.fail()
      }
      const end = ({ event }: PendingEvent) =>
        engine.endDelivery(app, event.userId, event.id, { delivered: true })
      const taken: PendingEvent[] = []
      for (let n = 0; n < 2; n++) {
        taken.push(await next())
        await end(taken[n] ?? assert.fail())
      }
      taken.push(await next())
      // One event is pending, and is being delivered.
      await sendMany(engine, bob, 5, 6)
      await end(taken[2] ?? assert.fail())
      taken.push(...(await deliverAll(engine, bob)))
      assert.deepEqual(bodiesOf(taken), ['1', '2', 'events.dropped', '5', 'events.dropped'])
      assert.deepEqual(droppedOf(taken), [{ 'message.created': 2 }, { 'message.created': 1 }])
      const seqs = taken.map(({ event }) => event.seq)
      assert.deepEqual(
        seqs,
        seqs.toSorted((a, b) => a - b),
      )
    })

    on(
      'that are on their way do not change, even if an older one is replayed before them',
      async (engine) => {
        await askWithin(engine, ['message.created'], { user: { events: 1 } })
        const take = async (): Promise<WebhookEvent> => {
          const [taken] = await engine.takeDueEvents(app, 1, LEASE)
          return taken?.event ?? assert.fail()
        }
        await send(engine, bob, '1')
        const { id } = await take()
        await engine.endDelivery(app, 'bob', id, { failed: 'gone' })
        await sendMany(engine, bob, 2, 3)
        await engine.endDelivery(app, 'bob', (await take()).id, { delivered: true })
        const onItsWay = await take()
        assert.equal(await engine.replayEvent(app, 'bob', id), true)
        await send(engine, bob, '4')
        const listed = await pendingOf(engine, bob)
        assert.deepEqual(bodiesOf(listed), ['1', 'events.dropped', 'events.dropped'])
        assert.deepEqual(listed[1]?.event, onItsWay)
        await engine.endDelivery(app, 'bob', (await take()).id, { delivered: true })
        await engine.endDelivery(app, 'bob', onItsWay.id, { delivered: true })
        assert.deepEqual(droppedOf(await deliverAll(engine, bob)), [{ 'message.created': 1 }])
      },
    )

    on('are reported when they are dropped', async (engine) => {
      await askWithin(engine, ['session.started'], { user: { events: 1 } })
      const dropped = nextEvents(engine, 'webhook-dropped', 2)
      for (let n = 0; n < 3; n++) await start(engine, ada)
      const report: EngineEvent = { type: 'webhook-dropped', appId: app, eventType: 'session.started' }
      assert.deepEqual(await dropped, [report, report])
    })

    on('about presence cancel each other when many events of the user are pending', async (engine) => {
      await ask(engine, ['message.created', 'user.online', 'user.offline'])
      const visit = async () => engine.endSession(await start(engine, ada), 'ended')
      await visit()
      await sendMany(engine, ada, 3, BEHIND)
      const before = ['user.online', 'user.offline', '3', '4', '5', '6', '7', '8']
      assert.deepEqual(bodiesOf(await pendingOf(engine, ada)), before)
      for (let n = 0; n < 5; n++) await visit()
      assert.deepEqual(bodiesOf(await pendingOf(engine, ada)), before)
      await start(engine, ada)
      assert.deepEqual(bodiesOf(await pendingOf(engine, ada)), [...before, 'user.online'])
      assert.equal((await engine.pendingSummary(app)).pending, before.length + 1)
    })

    on('about presence stay while they may be on their way', async (engine) => {
      await ask(engine, ['message.created', 'user.online', 'user.offline'])
      const session = await start(engine, ada)
      await sendMany(engine, ada, 2, BEHIND)
      await engine.endSession(session, 'ended')
      assert.deepEqual(typesOf(await engine.takeDueEvents(app, 1, LEASE)), ['user.online'])
      const types = typesOf(await pendingOf(engine, ada))
      assert.deepEqual([types[0], types.at(-1), types.length], ['user.online', 'user.offline', 9])
    })

    on('about presence that cancel each other remove no other events', async (engine) => {
      await ask(engine, ['session.started', 'session.ended', 'user.online', 'user.offline'])
      const presenceIn = (events: PendingEvent[]) =>
        typesOf(events).filter((type) => type.startsWith('user.'))
      await engine.endSession(await start(engine, ada), 'ended')
      // If the receiver is not behind, a short visit is reported.
      assert.deepEqual(presenceIn(await pendingOf(engine, ada)), ['user.online', 'user.offline'])
      for (let n = 1; n < 20; n++) await engine.endSession(await start(engine, ada), 'ended')
      const events = await pendingOf(engine, ada)
      const presence = presenceIn(events)
      assert.ok(presence.length <= BEHIND / 2)
      assert.equal(events.length - presence.length, 40)
      assert.equal((await engine.pendingSummary(app)).pending, events.length)
    })

    on('about presence stay if the newest event would otherwise report another presence', async (engine) => {
      await ask(engine, ['message.created', 'user.updated', 'user.online', 'user.offline'])
      await engine.saveUser(ada, {})
      await sendMany(engine, ada, 1, BEHIND)
      const session = await start(engine, ada)
      await engine.saveUser(ada, { claimed: { name: 'Ada' } })
      await engine.endSession(session, 'ended')
      await start(engine, ada)
      const events = await pendingOf(engine, ada)
      // `user.offline` did not cancel the first `user.online`: otherwise the newest event would be `user.updated`, which says that Ada is
      // online. The second `user.online` cancelled `user.offline`.
      assert.deepEqual(typesOf(events).slice(BEHIND), ['user.online', 'user.updated'])
      assert.equal(events.at(-1)?.event.data['online'], true)
    })

    if (durable)
      on('are within the limits after a restart, too', async (engine) => {
        const ask2 = () => askWithin(engine, ['message.created'], { user: { events: 2 }, app: { events: 3 } })
        await ask2()
        await sendMany(engine, bob, 1, 3)
        await reopen(engine)
        await ask2()
        await sendMany(engine, bob, 4, 5)
        assert.deepEqual(bodiesOf(await pendingOf(engine, bob)), ['1', '2', 'events.dropped'])
        assert.deepEqual(droppedOf(await pendingOf(engine, bob)), [{ 'message.created': 3 }])
        await send(engine, ada, 'beyond the limit of the app')
        assert.deepEqual(droppedOf(await pendingOf(engine, ownEvents)), [{ 'message.created': 1 }])
        await reopen(engine)
        await ask2()
        await send(engine, ada, 'beyond it, too')
        assert.deepEqual(bodiesOf(await deliverAll(engine, bob)), ['1', '2', 'events.dropped'])
        await until('there is room again', async () => {
          await send(engine, ada, 'later')
          return (await pendingOf(engine, ada)).length > 0
        })
      })
  })
}
