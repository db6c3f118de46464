import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ada,
  app,
  bob,
  bodies,
  deliver,
  newMessage,
  nextEvents,
  request,
  rules,
  until,
  type SuiteContext,
  start,
  startSession,
} from './kit.js'
import { ask } from './webhook-kit.js'

const HOUR = 3_600_000
/** Milliseconds for which the test waits, so that the engine deletes expired ids. */
const SWEEP_INTERVAL = 50
const DAY = 24 * HOUR

/** Runs `work` while the machine's clock seems to be wrong by `shift` milliseconds. */
const withClock = async <T>(shift: number, work: () => Promise<T>): Promise<T> => {
  const { now } = Date
  Date.now = () => now() + shift
  try {
    return await work()
  } finally {
    Date.now = now
  }
}

/** A part of the suite: nothing is deleted, stored twice or kept for longer because the machine's clock was set. */
export const clocksSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  for (const [name, shift] of [
    ['forward', 40 * DAY],
    ['back', -40 * DAY],
  ] as const) {
    describe(`a clock that is set ${name}`, () => {
      on('makes no second message of one id', async (engine) => {
        const message = newMessage()
        const sent = await engine.send(message, rules())
        await withClock(shift, async () => {
          assert.deepEqual(await engine.send(message, rules()), { ...sent, outcome: 'repeated' })
          // The deletion of expired ids must not delete the id of `message`.
          for (let n = 0; n < 5; n++) {
            await deliver(engine, { from: 'cy' }, { sendWindow: 1 })
            await sleep(SWEEP_INTERVAL)
          }
          assert.deepEqual(await engine.send(message, rules()), { ...sent, outcome: 'repeated' })
          if (!durable) return
          await reopen(engine)
          assert.deepEqual(await engine.send(message, rules()), { ...sent, outcome: 'repeated' })
        })
      })

      on('does not keep an id for longer than its window', async (engine) => {
        const message = newMessage()
        await engine.send(message, rules({ sendWindow: 50 }))
        await withClock(shift, () =>
          until(
            'the id is a new one',
            async () => (await engine.send(message, rules({ sendWindow: 50 }))).outcome === 'stored',
          ),
        )
      })

      on('deletes no message', async (engine) => {
        const retention = { messages: 100, age: 30 * DAY, bytes: 1e9 }
        await deliver(engine, {}, { retention })
        await withClock(shift, async () => {
          // The changed age makes the engine search `app` for expired messages at once. The search of `app2` starts and ends later. So once
          // the message of `app2` is deleted, the search of `app` has ended.
          await engine.configure(app, { retention: { ...retention, age: 29 * DAY }, webhooks: null })
          await deliver(engine, { appId: 'app2' })
          await engine.configure('app2', { retention: { ...retention, age: 20 }, webhooks: null })
          await until(
            'the other app is swept',
            async () => (await bodies(engine, { ...bob, appId: 'app2' })).length === 0,
          )
          await deliver(engine, { body: 'later' }, { retention })
          assert.deepEqual(await bodies(engine, bob), ['Hello', 'later'])
          if (!durable) return
          await reopen(engine)
          await engine.configure(app, { retention, webhooks: null })
          await deliver(engine, { body: 'last' }, { retention })
          assert.deepEqual(await bodies(engine, bob), ['Hello', 'later', 'last'])
        })
      })

      on('keeps no message for longer than its age', async (engine) => {
        await withClock(shift, () => deliver(engine))
        await engine.configure(app, { retention: { messages: 100, age: 20, bytes: 1e9 }, webhooks: null })
        await until('it is deleted', async () => (await bodies(engine, bob)).length === 0)
      })

      on('delivers a webhook again after its pause, and after its lease', async (engine) => {
        await ask(engine, ['session.started'])
        await start(engine, ada)
        const [taken] = await engine.takeDueEvents(app, 1, 60_000)
        assert.ok(taken)
        await engine.endDelivery(app, 'ada', taken.event.id, { retryAfter: 50, error: '500' })
        await withClock(shift, async () => {
          await until('it is due', async () => (await engine.takeDueEvents(app, 1, 50)).length === 1)
          await until('its lease is over', async () => (await engine.takeDueEvents(app, 1, 50)).length === 1)
          await engine.endDelivery(app, 'ada', taken.event.id, { retryAfter: 50, error: '500' })
        })
        await until('it is due again', async () => (await engine.takeDueEvents(app, 1, 50)).length === 1)
      })

      on('ends no detached session, and keeps none for longer', async (engine) => {
        const [long, short] = [request(ada), request(bob)]
        const detached = await startSession(engine, long)
        await engine.detachSession(detached, long.connectionId, 60_000)
        const events = nextEvents(engine, 'session-ended')
        await withClock(shift, async () => {
          assert.equal((await engine.sessions(ada)).length, 1)
          await engine.detachSession(await startSession(engine, short), short.connectionId, 20)
          assert.deepEqual((await events)[0]?.session.userId, 'bob')
          assert.equal((await engine.sessions(ada)).length, 1)
        })
        const resumed = await startSession(engine, request(ada, { resumes: long.keyHash }))
        assert.equal(resumed.sessionId, detached.sessionId)
      })
    })
  }
}
