import assert from 'node:assert/strict'
import type { SessionRecord } from '../engine.js'
import { ada, bob, nextEvents, idsOf, start, vouch, type SuiteContext } from './kit.js'

/** A part of the suite: which events listeners receive, and when. */
export const listenersSuite = ({ describe, on }: SuiteContext): void => {
  describe('listeners', () => {
    on('all receive the end of a session with its code', async (engine) => {
      const session = await start(engine, ada)
      const received = [nextEvents(engine, 'session-ended'), nextEvents(engine, 'session-ended')]
      await engine.endSession(session, 'revoked')
      const event = {
        type: 'session-ended',
        session: { ...ada, sessionId: session.sessionId },
        code: 'revoked',
      }
      assert.deepEqual(await Promise.all(received), [[event], [event]])
    })

    on('receive no event of a start, nor of an end without a session', async (engine) => {
      const events = nextEvents(engine, 'session-ended')
      const session = await start(engine, ada)
      await engine.endSession({ ...session, sessionId: 'none' }, 'revoked')
      await engine.endSession(session, 'ended')
      assert.deepEqual(
        (await events).map(({ code }) => code),
        ['ended'],
      )
    })

    on('receive no event from before they were added', async (engine) => {
      await engine.endSession(await start(engine, ada), 'revoked')
      const events = nextEvents(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'ended')
      assert.deepEqual(
        (await events).map(({ code }) => code),
        ['ended'],
      )
    })

    on('receive no event once their signal has aborted', async (engine) => {
      const [past, life] = [AbortSignal.abort(), new AbortController()]
      const received: string[] = []
      engine.listen(() => received.push('never'), past)
      engine.listen(
        (event) => received.push(event.type === 'session-ended' ? event.code : event.type),
        life.signal,
      )
      const first = nextEvents(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'revoked')
      await first
      life.abort()
      const second = nextEvents(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'ended')
      await second
      assert.deepEqual(received, ['revoked'])
    })

    on('receive no event whose delivery to another listener aborted their signal', async (engine) => {
      const [first, second] = [new AbortController(), new AbortController()]
      const received: string[] = []
      engine.listen(() => {
        received.push('first')
        second.abort()
      }, first.signal)
      engine.listen(() => {
        received.push('second')
        first.abort()
      }, second.signal)
      const events = nextEvents(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'ended')
      await events
      assert.equal(received.length, 1)
      second.abort()
      first.abort()
    })

    on(
      'receive the change of an existing user once it can be read, and no event of a new user',
      async (engine) => {
        const life = new AbortController()
        const read = new Promise<unknown>((resolve, reject) => {
          engine.listen((event) => {
            if (event.type === 'user-changed') engine.user(event.user).then(resolve, reject)
          }, life.signal)
        })
        const events = nextEvents(engine, 'user-changed')
        await start(engine, ada)
        await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
        // This profile is equal to the stored one, though it was issued later.
        await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
        const { user } = await engine.saveUser(ada, { claimed: { locale: 'en' } })
        assert.deepEqual(await events, [{ type: 'user-changed', user }])
        assert.deepEqual(await read, user)
        life.abort()
      },
    )

    on('receive the changes of a user in their order', async (engine) => {
      await engine.saveUser(ada, {})
      await start(engine, ada)
      const events = nextEvents(engine, 'user-changed', 10)
      const names = Array.from({ length: 10 }, (_, n) => `Ada ${n}`)
      await Promise.all(names.map((name) => engine.saveUser(ada, { claimed: { name } })))
      assert.deepEqual(
        (await events).map(({ user }) => user.claimed.name),
        names,
      )
    })

    on('that throw stop neither the other listeners nor the engine', async (engine) => {
      const life = new AbortController()
      engine.listen(() => {
        throw new Error('thrown by a listener of the suite')
      }, life.signal)
      const events = nextEvents(engine, 'session-ended', 2)
      const [one, two] = [await start(engine, ada), await start(engine, ada)]
      assert.equal(await engine.endSession(one, 'ended'), true)
      assert.equal(await engine.endSession(two, 'ended'), true)
      assert.deepEqual(
        (await events).map(({ session }) => session.sessionId),
        idsOf([one, two]),
      )
      life.abort()
    })

    on('of an end no longer find the session, and may start another', async (engine) => {
      const session = await start(engine, ada)
      const life = new AbortController()
      const found = new Promise<SessionRecord[]>((resolve, reject) => {
        const readSessions = async (): Promise<SessionRecord[]> => {
          await start(engine, bob)
          return engine.sessions(ada)
        }
        engine.listen(() => void readSessions().then(resolve, reject), life.signal)
      })
      await engine.endSession(session, 'ended')
      assert.deepEqual(await found, [])
      assert.equal((await engine.sessions(bob)).length, 1)
      life.abort()
    })
  })
}
