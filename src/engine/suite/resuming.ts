import assert from 'node:assert/strict'
import type { Engine, StartedSession, UserRef } from '../engine.js'
import { ada, bob, nextEvents, idsOf, recordOf, request, start, until, type SuiteContext } from './kit.js'

/** A session, with the connection that carries it and the hash of its client's key. */
interface Carried {
  session: StartedSession
  connectionId: string
  keyHash: string
}

const carried = async (engine: Engine, of: UserRef, resumes?: string, holdFor?: number): Promise<Carried> => {
  const asked = request(of, { resumes, ...(holdFor !== undefined && { holdFor }) })
  return {
    session: await engine.startSession(asked),
    connectionId: asked.connectionId,
    keyHash: asked.keyHash,
  }
}

const hold = (engine: Engine, { session, connectionId }: Carried, holdFor = 60_000): Promise<void> =>
  engine.detachSession(session, connectionId, holdFor)

/** What every engine must do when connections are lost and found: a part of the suite. */
export const resumingSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('sessions that are carried on', () => {
    on('stay the same session, and are active again', async (engine) => {
      const first = await carried(engine, ada)
      await hold(engine, first)
      const [detached] = await engine.sessions(ada)
      assert.deepEqual([detached?.sessionId, detached?.state], [first.session.sessionId, 'detached'])
      const { session } = await carried(engine, ada, first.keyHash)
      assert.equal(first.session.resumed, false)
      assert.deepEqual(session, {
        ...first.session,
        lastSeenAt: session.lastSeenAt,
        resumed: true,
      })
      assert.deepEqual(await engine.sessions(ada), [recordOf(session)])
    })

    on('are found by the newest key, and by the one before until the newest is confirmed', async (engine) => {
      const first = await carried(engine, ada)
      const second = await carried(engine, ada, first.keyHash)
      // The answer with the second key was lost.
      const third = await carried(engine, ada, first.keyHash)
      assert.equal(third.session.resumed, true)
      await engine.confirmSession(third.session, third.connectionId)
      for (const { keyHash } of [first, second]) {
        const stale = await carried(engine, ada, keyHash)
        assert.equal(stale.session.resumed, false)
        assert.notEqual(stale.session.sessionId, first.session.sessionId)
      }
      const fourth = await carried(engine, ada, third.keyHash)
      assert.deepEqual([fourth.session.resumed, fourth.session.sessionId], [true, first.session.sessionId])
    })

    on('are found by a key that was never confirmed, though the one before still counted', async (engine) => {
      const first = await carried(engine, ada)
      const second = await carried(engine, ada, first.keyHash)
      const third = await carried(engine, ada, second.keyHash)
      assert.equal(third.session.sessionId, first.session.sessionId)
      assert.equal((await carried(engine, ada, first.keyHash)).session.resumed, false)
    })

    on('are not confirmed by a connection that has been replaced', async (engine) => {
      const first = await carried(engine, ada)
      const second = await carried(engine, ada, first.keyHash)
      await engine.confirmSession(second.session, first.connectionId)
      assert.equal((await carried(engine, ada, first.keyHash)).session.resumed, true)
    })

    on(
      'are not found by the key of another user, nor of another app, who are not disturbed',
      async (engine) => {
        const theirs = await carried(engine, ada)
        for (const stranger of [bob, { ...ada, appId: 'app2' }]) {
          const { session } = await carried(engine, stranger, theirs.keyHash)
          assert.equal(session.resumed, false)
        }
        assert.deepEqual(await engine.sessions(ada), [recordOf(theirs.session)])
        assert.equal((await carried(engine, ada, theirs.keyHash)).session.resumed, true)
      },
    )

    on('are not found once they have ended', async (engine) => {
      const first = await carried(engine, ada)
      await engine.endSession(first.session, 'ended')
      assert.equal((await carried(engine, ada, first.keyHash)).session.resumed, false)
    })

    on('tell the connection that still stood that it was replaced, and no other', async (engine) => {
      const heard = nextEvents(engine, 'connection-replaced', 2)
      const first = await carried(engine, ada)
      const second = await carried(engine, ada, first.keyHash)
      await hold(engine, second)
      const third = await carried(engine, ada, second.keyHash)
      await carried(engine, ada, third.keyHash)
      assert.deepEqual(
        await heard,
        [first, third].map(({ session: { sessionId }, connectionId }) => ({
          type: 'connection-replaced',
          session: { ...ada, sessionId },
          connectionId,
        })),
      )
    })

    on('are not detached by a connection that has been replaced', async (engine) => {
      const first = await carried(engine, ada)
      const second = await carried(engine, ada, first.keyHash)
      await hold(engine, first, 0)
      assert.deepEqual(await engine.sessions(ada), [recordOf(second.session)])
    })

    on('are not ended by a connection that has been replaced, when it says which it is', async (engine) => {
      const first = await carried(engine, ada)
      const second = await carried(engine, ada, first.keyHash)
      assert.equal(await engine.endSession(first.session, 'ended', first.connectionId), false)
      assert.deepEqual(idsOf(await engine.sessions(ada)), [first.session.sessionId])
      assert.equal(await engine.endSession(first.session, 'ended', second.connectionId), true)
      assert.deepEqual(await engine.sessions(ada), [])
    })

    on('are one session when many connections carry them on at once', async (engine) => {
      const first = await carried(engine, ada)
      const many = await Promise.all(Array.from({ length: 20 }, () => carried(engine, ada, first.keyHash)))
      const resumed = many.filter(({ session }) => session.resumed)
      assert.ok(resumed.every(({ session }) => session.sessionId === first.session.sessionId))
      // The key they came with counts until one of them is confirmed.
      assert.equal(resumed.length, 20)
      assert.deepEqual(idsOf(await engine.sessions(ada)), [first.session.sessionId])
    })

    on('take nobody else away when the user has as many as may be', async (engine) => {
      const first = await carried(engine, ada)
      const second = await start(engine, ada, 2)
      await hold(engine, first)
      const again = request(ada, { resumes: first.keyHash, sessionsPerUser: 2 })
      const { sessionId } = await engine.startSession(again)
      assert.deepEqual(idsOf(await engine.sessions(ada)), [sessionId, second.sessionId])
    })
  })

  describe('sessions that are held', () => {
    on('end when they were held long enough, and listeners hear of it', async (engine) => {
      const heard = nextEvents(engine, 'session-ended')
      const first = await carried(engine, ada)
      await hold(engine, first, 20)
      const { sessionId } = first.session
      assert.deepEqual(await heard, [
        { type: 'session-ended', session: { ...ada, sessionId }, code: 'ended' },
      ])
      assert.deepEqual(await engine.sessions(ada), [])
      assert.equal((await carried(engine, ada, first.keyHash)).session.resumed, false)
    })

    on('end in the order of their deadlines, not of their detaching', async (engine) => {
      const heard = nextEvents(engine, 'session-ended', 4)
      const times = [400, 100, 300, 200]
      const all: Carried[] = []
      while (all.length < times.length) all.push(await carried(engine, ada))
      // In one go, so that nothing that is slow comes between them.
      await Promise.all(all.map((one, n) => hold(engine, one, times[n])))
      const [a, b, c, d] = all.map(({ session }) => session.sessionId)
      assert.deepEqual(
        (await heard).map(({ session }) => session.sessionId),
        [b, d, c, a],
      )
    })

    on('go on when somebody came back in time, whatever the first deadline was', async (engine) => {
      const first = await carried(engine, ada)
      await hold(engine, first, 200)
      const second = await carried(engine, ada, first.keyHash)
      // Over when this one, held longer, is.
      const other = await carried(engine, bob)
      const heard = nextEvents(engine, 'session-ended')
      await hold(engine, other, 250)
      assert.deepEqual((await heard)[0]?.session.userId, 'bob')
      assert.deepEqual(await engine.sessions(ada), [recordOf(second.session)])
    })

    on('make room for a new one before active ones do, the oldest first', async (engine) => {
      const [first, second, third] = [
        await carried(engine, ada),
        await carried(engine, ada),
        await carried(engine, ada),
      ]
      await hold(engine, second)
      await hold(engine, third)
      const heard = nextEvents(engine, 'session-ended', 2)
      await start(engine, ada, 3)
      await start(engine, ada, 3)
      assert.deepEqual(
        (await heard).map(({ session, code }) => [session.sessionId, code]),
        [second, third].map(({ session }) => [session.sessionId, 'replaced']),
      )
      assert.ok(idsOf(await engine.sessions(ada)).includes(first.session.sessionId))
    })

    on('end at once when they are held for no time', async (engine) => {
      const first = await carried(engine, ada)
      await hold(engine, first, 0)
      assert.deepEqual(await engine.sessions(ada), [])
    })

    if (!durable) return

    on('outlive a close with their keys, active ones too', async (engine) => {
      const held = await carried(engine, ada)
      await hold(engine, held)
      const active = await carried(engine, ada)
      const unconfirmed = await carried(engine, bob, (await carried(engine, bob)).keyHash)
      const ended = await carried(engine, ada)
      await engine.endSession(ended.session, 'ended')
      await reopen(engine)
      assert.deepEqual(
        (await engine.sessions(ada)).map(({ sessionId, state }) => [sessionId, state]),
        [held, active].map(({ session }) => [session.sessionId, 'detached']),
      )
      for (const [of, { session, keyHash }] of [
        [ada, held],
        [ada, active],
        [bob, unconfirmed],
      ] as const) {
        const again = await carried(engine, of, keyHash)
        assert.deepEqual([again.session.resumed, again.session.sessionId], [true, session.sessionId])
      }
      assert.equal((await carried(engine, ada, ended.keyHash)).session.resumed, false)
    })

    on('outlive a close with the key that is not yet confirmed and the one before', async (engine) => {
      const first = await carried(engine, ada)
      await carried(engine, ada, first.keyHash)
      await reopen(engine)
      assert.equal((await carried(engine, ada, first.keyHash)).session.resumed, true)
    })

    on('end as long after a close as they were to be held', async (engine) => {
      const held = await carried(engine, ada)
      await hold(engine, held, 1)
      await carried(engine, bob, undefined, 1)
      await reopen(engine)
      await until('both have ended', async () => {
        return (await engine.sessions(ada)).length + (await engine.sessions(bob)).length === 0
      })
      await reopen(engine)
      assert.deepEqual([await engine.sessions(ada), await engine.sessions(bob)], [[], []])
    })
  })
}
