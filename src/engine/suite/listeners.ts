import assert from 'node:assert/strict'
import type { SessionRecord } from '../engine.js'
import { ada, bob, nextEvents, idsOf, start, type SuiteContext } from './kit.js'

/** What every engine must tell those who listen: a part of the suite. */
export const listenersSuite = ({ describe, on }: SuiteContext): void => {
  describe('listeners', () => {
    on('all hear that a session ended, and why', async (engine) => {
      const session = await start(engine, ada)
      const heard = [nextEvents(engine, 'session-ended'), nextEvents(engine, 'session-ended')]
      await engine.endSession(session, 'revoked')
      const told = {
        type: 'session-ended',
        session: { ...ada, sessionId: session.sessionId },
        code: 'revoked',
      }
      assert.deepEqual(await Promise.all(heard), [[told], [told]])
    })

    on('hear nothing of a start, nor of an end that was none', async (engine) => {
      const heard = nextEvents(engine, 'session-ended')
      const session = await start(engine, ada)
      await engine.endSession({ ...session, sessionId: 'none' }, 'revoked')
      await engine.endSession(session, 'ended')
      assert.deepEqual(
        (await heard).map(({ code }) => code),
        ['ended'],
      )
    })

    on('hear nothing from before they listened', async (engine) => {
      await engine.endSession(await start(engine, ada), 'revoked')
      const heard = nextEvents(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'ended')
      assert.deepEqual(
        (await heard).map(({ code }) => code),
        ['ended'],
      )
    })

    on('hear nothing more once their signal aborts', async (engine) => {
      const [past, life] = [AbortSignal.abort(), new AbortController()]
      const told: string[] = []
      engine.listen(() => told.push('never'), past)
      engine.listen(
        (signal) => told.push(signal.type === 'session-ended' ? signal.code : signal.type),
        life.signal,
      )
      const first = nextEvents(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'revoked')
      await first
      life.abort()
      const second = nextEvents(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'ended')
      await second
      assert.deepEqual(told, ['revoked'])
    })

    on('hear nothing more even when it is another listener that aborts, hearing the same', async (engine) => {
      const [first, second] = [new AbortController(), new AbortController()]
      const told: string[] = []
      engine.listen(() => {
        told.push('first')
        second.abort()
      }, first.signal)
      engine.listen(() => {
        told.push('second')
        first.abort()
      }, second.signal)
      const heard = nextEvents(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'ended')
      await heard
      assert.equal(told.length, 1)
      second.abort()
      first.abort()
    })

    on(
      'hear what a known user has become, once that can be read, and nothing of a new one',
      async (engine) => {
        const life = new AbortController()
        const read = new Promise<unknown>((resolve, reject) => {
          engine.listen((told) => {
            if (told.type === 'user-changed') engine.user(told.user).then(resolve, reject)
          }, life.signal)
        })
        const heard = nextEvents(engine, 'user-changed')
        await engine.saveUser(ada, { vouched: { name: 'Ada' } })
        await engine.saveUser(ada, { vouched: { name: 'Ada' } })
        const { user } = await engine.saveUser(ada, { claimed: { locale: 'en' } })
        assert.deepEqual(await heard, [{ type: 'user-changed', user }])
        assert.deepEqual(await read, user)
        life.abort()
      },
    )

    on('hear the changes of a user in the order in which they came', async (engine) => {
      await engine.saveUser(ada, {})
      const heard = nextEvents(engine, 'user-changed', 10)
      const names = Array.from({ length: 10 }, (_, n) => `Ada ${n}`)
      await Promise.all(names.map((name) => engine.saveUser(ada, { claimed: { name } })))
      assert.deepEqual(
        (await heard).map(({ user }) => user.claimed.name),
        names,
      )
    })

    on('that throw break neither the others nor the engine', async (engine) => {
      const life = new AbortController()
      engine.listen(() => {
        throw new Error('thrown by a listener of the suite')
      }, life.signal)
      const heard = nextEvents(engine, 'session-ended', 2)
      const [one, two] = [await start(engine, ada), await start(engine, ada)]
      assert.equal(await engine.endSession(one, 'ended'), true)
      assert.equal(await engine.endSession(two, 'ended'), true)
      assert.deepEqual(
        (await heard).map(({ session }) => session.sessionId),
        idsOf([one, two]),
      )
      life.abort()
    })

    on('find the session gone, and may start another', async (engine) => {
      const session = await start(engine, ada)
      const life = new AbortController()
      const found = new Promise<SessionRecord[]>((resolve, reject) => {
        const look = async (): Promise<SessionRecord[]> => {
          await start(engine, bob)
          return engine.sessions(ada)
        }
        engine.listen(() => void look().then(resolve, reject), life.signal)
      })
      await engine.endSession(session, 'ended')
      assert.deepEqual(await found, [])
      assert.equal((await engine.sessions(bob)).length, 1)
      life.abort()
    })
  })
}
