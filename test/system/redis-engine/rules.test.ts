// A rule that changes in src/engine/rules.ts changes the engine of one process and the Redis engine.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMemoryEngine, type Engine } from '../../../src/engine/index.js'
import { engineRules } from '../../../src/engine/rules.js'
import {
  ada,
  advanceClock,
  app,
  bob,
  deliver,
  idsOf,
  newMessage,
  request,
  rules,
  start,
  startSession,
  until,
  saveGuest,
} from '../../../src/engine/suite/kit.js'
import { ask, pending, untilPending } from '../../../src/engine/suite/webhook-kit.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'

type Rules = {
  -readonly [Name in keyof typeof engineRules]: (typeof engineRules)[Name] extends number ? number : string[]
}

const { url } = await standalone()
const engines: [name: string, create: () => Engine | Promise<Engine>][] = [
  ['the engine of one process', () => createMemoryEngine()],
  ['the Redis engine', redisEngines(() => ({ type: 'single', url })).create],
]

for (const [engineName, create] of engines)
  void describe(engineName, () => {
    /** Defines a test on an engine that is opened and used with other rules. */
    const withRules = (
      changed: Partial<Rules>,
      name: string,
      body: (engine: Engine) => Promise<void>,
    ): void =>
      void it(`${Object.keys(changed).join(', ')}: ${name}`, async () => {
        const before = { ...engineRules }
        Object.assign(engineRules, changed)
        const engine = await create()
        try {
          await engine.open()
          await body(engine)
        } finally {
          await engine.close()
          Object.assign(engineRules, before)
        }
      })

    withRules({ offlineAfter: 60_000 }, 'a user stays online for longer', async (engine) => {
      const asked = request(ada)
      await engine.detachSession(await startSession(engine, asked), asked.connectionId, 3_600_000)
      advanceClock(30_000)
      assert.equal((await engine.status(ada)).online, true)
      advanceClock(60_000)
      assert.equal((await engine.status(ada)).online, false)
    })

    withRules(
      { guestStartTimeout: 20 },
      'a guest who starts no session is deleted sooner',
      async (engine) => {
        const guest = { appId: app, userId: 'guest:1' }
        const savedAt = performance.now()
        await saveGuest(engine, guest, {}, 1)
        await until('the guest is deleted', async () => (await engine.user(guest)) === null)
        assert.ok(performance.now() - savedAt < 30_000)
      },
    )

    withRules({ makesRoom: ['number'] }, 'the oldest session ends, not the detached one', async (engine) => {
      const oldest = await start(engine, ada)
      const asked = request(ada)
      const detached = await startSession(engine, asked)
      await engine.detachSession(detached, asked.connectionId, 3_600_000)
      const newest = await start(engine, ada, 2)
      assert.deepEqual(idsOf(await engine.sessions(ada)), idsOf([detached, newest]))
      assert.ok(!idsOf(await engine.sessions(ada)).includes(oldest.sessionId))
    })

    withRules({ messageOverhead: 10_000 }, 'a message takes more of the quota', async (engine) => {
      await deliver(engine)
      const { bytes } = await engine.usage(app)
      assert.ok(bytes > 20_000 && bytes < 21_000, `two copies take ${bytes} bytes`)
    })

    withRules({ sharedLimits: ['bytes'] }, 'a sender may take all messages of an inbox', async (engine) => {
      const under = { retention: { messages: 4, age: 3_600_000, bytes: 1e9 }, unreadPerSender: 0.5 }
      await deliver(engine, { from: 'cy' }, under)
      for (let n = 0; n < 3; n++) await deliver(engine, {}, under)
      assert.equal((await engine.send(newMessage(), rules(under))).outcome, 'stored')
    })

    withRules({ reportedUnread: 2 }, 'an event carries fewer unread messages', async (engine) => {
      await ask(engine, ['message.unread'], 20)
      for (const body of ['one', 'two', 'three']) await deliver(engine, { body })
      const { event } = await untilPending(engine, bob, 'message.unread')
      const messages = event.data['messages'] as { body: string }[]
      assert.deepEqual(
        messages.map(({ body }) => body),
        ['two', 'three'],
      )
    })

    withRules({ searchedForUnread: 1 }, 'unread messages behind own ones are not found', async (engine) => {
      await ask(engine, ['message.unread'], 500)
      const oldest = await deliver(engine)
      await deliver(engine)
      await deliver(engine, { from: bob.userId, to: ada.userId })
      const { event } = await untilPending(engine, bob, 'message.unread')
      const messages = event.data['messages'] as { offset: number }[]
      assert.deepEqual(
        messages.map(({ offset }) => offset),
        [oldest.offset],
      )
    })

    withRules({ maxFailedEvents: 1 }, 'the oldest failed event is forgotten sooner', async (engine) => {
      await ask(engine, ['session.started'])
      await start(engine, ada)
      await start(engine, ada)
      for (let failed = 0; failed < 2;)
        for (const { event } of await engine.takeDueEvents(app, 1, 60_000)) {
          await engine.endDelivery(app, event.userId, event.id, { failed: 'refused' })
          failed++
        }
      assert.equal((await pending(engine)).length, 1)
    })

    const limits = { user: { events: 100, bytes: 10_000 }, app: { events: 100, bytes: 1e9 } }
    withRules({ eventOverhead: 4_000 }, 'fewer events are pending', async (engine) => {
      await ask(engine, ['session.started'], undefined, limits)
      for (let n = 0; n < 5; n++) await start(engine, ada)
      const types = (await pending(engine)).map(({ event }) => event.type)
      assert.deepEqual(types, ['session.started', 'session.started', 'events.dropped'])
    })

    withRules({ eventsBehind: 2 }, 'events about presence cancel each other sooner', async (engine) => {
      await ask(engine, ['user.created', 'user.online', 'user.offline'])
      await engine.saveUser(ada, {})
      await engine.endSession(await start(engine, ada), 'ended')
      assert.deepEqual(
        (await pending(engine)).map(({ event }) => event.type),
        ['user.created'],
      )
    })
  })
