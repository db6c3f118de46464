import assert from 'node:assert/strict'
import type { Engine, StartedSession, UserRef } from '../../engine.js'
import {
  ada,
  bob,
  nextEvents,
  idsOf,
  recordOf,
  request,
  start,
  until,
  type SuiteContext,
  startSession,
} from '../kit.js'

/** A session with the connection that carries it and the hash of its client's resume key. */
interface Connected {
  session: StartedSession
  connectionId: string
  keyHash: string
}

const connect = async (
  engine: Engine,
  of: UserRef,
  resumes?: string,
  resumableFor?: number,
): Promise<Connected> => {
  const sessionRequest = request(of, { resumes, ...(resumableFor !== undefined && { resumableFor }) })
  return {
    session: await startSession(engine, sessionRequest),
    connectionId: sessionRequest.connectionId,
    keyHash: sessionRequest.keyHash,
  }
}

const detach = (engine: Engine, { session, connectionId }: Connected, resumableFor = 60_000): Promise<void> =>
  engine.detachSession(session, connectionId, resumableFor)

/** A part of the suite: resuming sessions, and keeping detached ones. */
export const resumingSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('resumed sessions', () => {
    on('are the same session, and active again', async (engine) => {
      const first = await connect(engine, ada)
      await detach(engine, first)
      const [detached] = await engine.sessions(ada)
      assert.deepEqual([detached?.sessionId, detached?.state], [first.session.sessionId, 'detached'])
      const { session } = await connect(engine, ada, first.keyHash)
      assert.equal(first.session.resumed, false)
      assert.deepEqual(session, {
        ...first.session,
        credential: session.credential,
        lastSeenAt: session.lastSeenAt,
        resumed: true,
      })
      assert.deepEqual(await engine.sessions(ada), [recordOf(session)])
    })

    on(
      'are not found by their key if another user, or a user of another app, sends it, and do not change',
      async (engine) => {
        const theirs = await connect(engine, ada)
        for (const stranger of [bob, { ...ada, appId: 'app2' }]) {
          const { session } = await connect(engine, stranger, theirs.keyHash)
          assert.equal(session.resumed, false)
        }
        assert.deepEqual(await engine.sessions(ada), [recordOf(theirs.session)])
        assert.equal((await connect(engine, ada, theirs.keyHash)).session.resumed, true)
      },
    )

    on('emit an event for a connection that still carried the session, and for no other', async (engine) => {
      const events = nextEvents(engine, 'connection-replaced', 2)
      const first = await connect(engine, ada)
      const second = await connect(engine, ada, first.keyHash)
      await detach(engine, second)
      const third = await connect(engine, ada, second.keyHash)
      await connect(engine, ada, third.keyHash)
      assert.deepEqual(
        await events,
        [first, third].map(({ session: { sessionId }, connectionId }) => ({
          type: 'connection-replaced',
          session: { ...ada, sessionId },
          connectionId,
        })),
      )
    })

    on('are one session when many connections resume it at once', async (engine) => {
      const first = await connect(engine, ada)
      const many = await Promise.all(Array.from({ length: 20 }, () => connect(engine, ada, first.keyHash)))
      const resumed = many.filter(({ session }) => session.resumed)
      assert.ok(resumed.every(({ session }) => session.sessionId === first.session.sessionId))
      // The key that all starts used is valid until one of them is confirmed.
      assert.equal(resumed.length, 20)
      assert.deepEqual(idsOf(await engine.sessions(ada)), [first.session.sessionId])
    })
  })

  describe('detached sessions', () => {
    on('end when their resume window is over, and emit an event', async (engine) => {
      const events = nextEvents(engine, 'session-ended')
      const first = await connect(engine, ada)
      await detach(engine, first, 20)
      const { sessionId } = first.session
      assert.deepEqual(await events, [
        { type: 'session-ended', session: { ...ada, sessionId }, code: 'timeout' },
      ])
      assert.deepEqual(await engine.sessions(ada), [])
      assert.equal((await connect(engine, ada, first.keyHash)).session.resumed, false)
    })

    on('end in the order of their deadlines, not of their detaching', async (engine) => {
      const events = nextEvents(engine, 'session-ended', 4)
      const times = [400, 100, 300, 200]
      const all: Connected[] = []
      while (all.length < times.length) all.push(await connect(engine, ada))
      // The calls run at once: if each waited for the call before it, the later deadlines would begin later.
      await Promise.all(all.map((one, n) => detach(engine, one, times[n])))
      const [a, b, c, d] = all.map(({ session }) => session.sessionId)
      assert.deepEqual(
        (await events).map(({ session }) => session.sessionId),
        [b, d, c, a],
      )
    })

    on('go on after a resume, whatever the resume window was', async (engine) => {
      const first = await connect(engine, ada)
      await detach(engine, first, 200)
      const second = await connect(engine, ada, first.keyHash)
      // Bob's session has a longer resume window. When this session has ended, Ada's first deadline has passed.
      const other = await connect(engine, bob)
      const events = nextEvents(engine, 'session-ended')
      await detach(engine, other, 250)
      assert.deepEqual((await events)[0]?.session.userId, 'bob')
      assert.deepEqual(await engine.sessions(ada), [recordOf(second.session)])
    })

    on(
      'make room in the order of their detaching, then hidden ones in the order of their hiding',
      async (engine) => {
        const all: Connected[] = []
        while (all.length < 6) all.push(await connect(engine, ada))
        const [a, b, c, d, e, f] = all as [Connected, Connected, Connected, Connected, Connected, Connected]
        const setHidden = (one: Connected, hidden: boolean): Promise<void> =>
          engine.setHidden(one.session, one.connectionId, hidden)
        await setHidden(d, true)
        await setHidden(b, true)
        await setHidden(a, true)
        await setHidden(a, false)
        await detach(engine, e)
        await detach(engine, c)
        const events = nextEvents(engine, 'session-ended', 6)
        for (let n = 0; n < 6; n++) await start(engine, ada, 6)
        assert.deepEqual(
          (await events).map(({ session, code }) => [session.sessionId, code]),
          [e, c, d, b, a, f].map(({ session }) => [session.sessionId, 'too-many-sessions']),
        )
      },
    )

    if (!durable) return

    on(
      'are kept with their keys when the engine is closed; so are active ones, as detached',
      async (engine) => {
        const detached = await connect(engine, ada)
        await detach(engine, detached)
        const active = await connect(engine, ada)
        const unconfirmed = await connect(engine, bob, (await connect(engine, bob)).keyHash)
        const ended = await connect(engine, ada)
        await engine.endSession(ended.session, 'ended')
        await reopen(engine)
        assert.deepEqual(
          (await engine.sessions(ada)).map(({ sessionId, state }) => [sessionId, state]),
          [detached, active].map(({ session }) => [session.sessionId, 'detached']),
        )
        for (const [of, { session, keyHash }] of [
          [ada, detached],
          [ada, active],
          [bob, unconfirmed],
        ] as const) {
          const again = await connect(engine, of, keyHash)
          assert.deepEqual([again.session.resumed, again.session.sessionId], [true, session.sessionId])
        }
        assert.equal((await connect(engine, ada, ended.keyHash)).session.resumed, false)
      },
    )

    on('end after a close when their resume window, which begins again, is over', async (engine) => {
      const detached = await connect(engine, ada)
      await detach(engine, detached, 1)
      await connect(engine, bob, undefined, 1)
      await reopen(engine)
      await until('both have ended', async () => {
        return (await engine.sessions(ada)).length + (await engine.sessions(bob)).length === 0
      })
      await reopen(engine)
      assert.deepEqual([await engine.sessions(ada), await engine.sessions(bob)], [[], []])
    })
  })
}
