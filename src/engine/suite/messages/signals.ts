import assert from 'node:assert/strict'
import type { Engine, EngineEvent, Signal, UserRef } from '../../engine.js'
import {
  ada,
  app,
  bob,
  deliver,
  nextEvents,
  request,
  start,
  startSession,
  trickyIds,
  type SuiteContext,
} from '../kit.js'

const typing = (n = 0): Signal => ({ from: ada.userId, name: 'typing', data: { n }, ttl: 5_000 })

/** Collects the signals to a user. The returned function stops collecting, and returns them. */
const collect = (engine: Engine, { userId }: UserRef): (() => Signal[]) => {
  const life = new AbortController()
  const found: Signal[] = []
  engine.listen((event: EngineEvent) => {
    if (event.type === 'signal' && event.user.userId === userId) found.push(event.signal)
  }, life.signal)
  return () => {
    life.abort()
    return found
  }
}

/** A part of the suite: signals to the sessions of a user. */
export const signalsSuite = ({ describe, on, createPeer }: SuiteContext): void => {
  describe('signals', () => {
    on('are emitted once, in their order, for a user with a session', async (engine) => {
      await start(engine, bob)
      await start(engine, bob)
      const count = 20
      const received = nextEvents(engine, 'signal', count)
      const all = collect(engine, bob)
      for (let n = 0; n < count; n++) await engine.signal(bob, typing(n))
      assert.deepEqual(
        await received,
        Array.from({ length: count }, (_, n) => ({ type: 'signal', user: bob, signal: typing(n) })),
      )
      // A later event of the user comes after every signal.
      const message = nextEvents(engine, 'message')
      await deliver(engine, { from: null })
      await message
      assert.equal(all().length, count)
    })

    on('store nothing', async (engine) => {
      await start(engine, bob)
      const before = [await engine.inbox(bob), await engine.usage(app), await engine.user(bob)]
      await engine.signal(bob, typing())
      assert.deepEqual([await engine.inbox(bob), await engine.usage(app), await engine.user(bob)], before)
    })

    on('change nothing for a user without a session, nor for one who never came', async (engine) => {
      await engine.saveUser(bob, {})
      for (const to of [bob, ada, { appId: 'app2', userId: 'bob' }]) await engine.signal(to, typing())
      assert.equal(await engine.user(ada), null)
      const { epoch } = await engine.inbox(bob)
      assert.deepEqual((await engine.messagesAfter(bob, { epoch, offset: 0 }, 10)).messages, [])
    })

    on('keep their content, whatever the ids and texts are', async (engine) => {
      for (const userId of trickyIds) {
        const to = { appId: app, userId }
        await start(engine, to)
        const signal: Signal = {
          from: null,
          name: userId.slice(0, 9),
          data: { userId, '\ud83d': '\u2028"' },
          ttl: 1,
        }
        const received = nextEvents(engine, 'signal')
        await engine.signal(to, signal)
        assert.deepEqual(await received, [{ type: 'signal', user: to, signal }])
      }
    })

    on('reach a session that was resumed', async (engine) => {
      const asked = request(bob)
      const session = await startSession(engine, asked)
      await engine.detachSession(session, asked.connectionId, 60_000)
      await startSession(engine, request(bob, { resumes: asked.keyHash }))
      const received = nextEvents(engine, 'signal')
      await engine.signal(bob, typing())
      assert.deepEqual((await received)[0]?.signal, typing())
    })

    if (!createPeer) return

    on('go to each engine that carries a session of the user, and to no other', async (one) => {
      const [two, three] = [await createPeer(one), await createPeer(one)]
      await two.open()
      await three.open()
      try {
        await start(one, bob)
        await start(two, bob)
        // The third engine had a connection with a session of the user until now.
        const asked = request(bob)
        const left = await startSession(three, asked)
        await three.detachSession(left, asked.connectionId, 60_000)
        const count = 50
        const received = [nextEvents(one, 'signal', count), nextEvents(two, 'signal', count)]
        const never = collect(three, bob)
        for (let n = 0; n < count; n++) await three.signal(bob, typing(n))
        for (const events of await Promise.all(received))
          assert.deepEqual(
            events.map(({ signal }) => signal),
            Array.from({ length: count }, (_, n) => typing(n)),
          )
        // The next event at the third engine comes after every signal.
        await start(three, bob)
        const message = nextEvents(three, 'message')
        await deliver(one, { from: null })
        await message
        assert.deepEqual(never(), [])
      } finally {
        await three.close()
        await two.close()
      }
    })
  })
}
