import assert from 'node:assert/strict'
import type { Credential, Engine, EngineEvent, Revocation, SessionRecord, UserRef } from '../../engine.js'
import { ada, app, bob, idsOf, nextEvents, request, startSession, until, type SuiteContext } from '../kit.js'

/** Returns the credential of a token that was issued `age` milliseconds ago. */
const token = (age: number, more: Partial<Credential> = {}): Credential => ({
  authMethod: 'token',
  tokenId: null,
  issuedAt: Date.now() - age,
  expiresAt: null,
  ...more,
})

const signature: Credential = { authMethod: 'signature', tokenId: null, issuedAt: null, expiresAt: null }
const all: Revocation = { issuedBefore: null, mode: 'end' }

const begin = (engine: Engine, of: UserRef, credential = token(0)): Promise<SessionRecord> =>
  startSession(engine, request(of, { credential }))

const isRefused = async (engine: Engine, of: UserRef, credential: Credential): Promise<boolean> => {
  const refused = await engine.isRevoked(of, credential)
  const started = await engine.startSession(request(of, { credential }))
  assert.equal(started === null, refused, 'isRevoked says what startSession does')
  if (started) await engine.endSession(started, 'ended')
  return refused
}

/** Calls `work` and returns the ids of the sessions that ended as `revoked` meanwhile. */
const endedBy = async (engine: Engine, work: () => Promise<unknown>): Promise<string[]> => {
  const life = new AbortController()
  const events: EngineEvent[] = []
  engine.listen((event) => events.push(event), life.signal)
  await work()
  life.abort()
  return events.flatMap((event) => {
    if (event.type !== 'session-ended') return []
    assert.equal(event.code, 'revoked')
    return [event.session.sessionId]
  })
}

/** A part of the suite: users are logged out everywhere. */
export const revocationSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('revoking a user', () => {
    on(
      'ends every session of the user, detached ones and newer ones included, and no other',
      async (engine) => {
        const asked = request(ada)
        const detached = await startSession(engine, asked)
        await engine.detachSession(detached, asked.connectionId, 60_000)
        const [young, other, twin] = [
          await begin(engine, ada, token(-20_000)),
          await begin(engine, bob),
          await begin(engine, { ...ada, appId: 'app2' }),
        ]
        const ended = await endedBy(engine, () => engine.revokeUser(ada, all))
        assert.deepEqual(ended.toSorted(), idsOf([detached, young]).toSorted())
        assert.deepEqual(await engine.sessions(ada), [])
        assert.deepEqual(idsOf(await engine.sessions(bob)), [other.sessionId])
        assert.equal((await engine.sessions(twin)).length, 1)
      },
    )

    on('refuses credentials up to now and those without a time, and takes later ones', async (engine) => {
      const before = Date.now()
      const revokedBefore = await engine.revokeUser(ada, all)
      assert.ok(revokedBefore >= before && revokedBefore <= Date.now())
      const issuedAt = (time: number | null): Credential => token(0, { issuedAt: time })
      assert.ok(await isRefused(engine, ada, issuedAt(revokedBefore)))
      assert.ok(await isRefused(engine, ada, issuedAt(null)))
      assert.ok(await isRefused(engine, ada, signature))
      assert.ok(await isRefused(engine, ada, { ...token(60_000), authMethod: 'guest' }))
      assert.ok(!(await isRefused(engine, ada, issuedAt(revokedBefore + 1))))
      assert.ok(!(await isRefused(engine, bob, signature)))
      assert.ok(!(await isRefused(engine, { ...ada, appId: 'app2' }, signature)))
      assert.equal((await engine.status(ada)).revokedBefore, revokedBefore)
      assert.equal((await engine.status(bob)).revokedBefore, null)
    })

    on('up to a time ends the sessions with credentials from up to then', async (engine) => {
      const time = Date.now() - 10_000
      const old = await begin(engine, ada, token(0, { issuedAt: time }))
      const unknown = await begin(engine, ada, signature)
      const young = await begin(engine, ada, token(0, { issuedAt: time + 1 }))
      const ended = await endedBy(engine, () => engine.revokeUser(ada, { issuedBefore: time, mode: 'end' }))
      assert.deepEqual(ended, idsOf([old, unknown]))
      assert.deepEqual(idsOf(await engine.sessions(ada)), [young.sessionId])
    })

    on('up to a time ahead refuses credentials from a clock that is ahead', async (engine) => {
      const issuedBefore = Date.now() + 30_000
      assert.equal(await engine.revokeUser(ada, { issuedBefore, mode: 'end' }), issuedBefore)
      assert.ok(await isRefused(engine, ada, token(-20_000)))
    })

    on('never takes an earlier time, also when it is done twice at once', async (engine) => {
      const now = Date.now()
      const at = (issuedBefore: number): Promise<number> =>
        engine.revokeUser(ada, { issuedBefore, mode: 'end' })
      assert.equal(await at(now), now)
      assert.equal(await at(now - 1_000), now)
      await Promise.all([at(now + 2), at(now + 3), at(now + 1)])
      assert.equal((await engine.status(ada)).revokedBefore, now + 3)
    })

    on('ends a session that starts meanwhile, or refuses it', async (engine) => {
      const credential = token(60_000)
      await Promise.all([
        engine.startSession(request(ada, { credential })),
        engine.revokeUser(ada, all),
        engine.startSession(request(ada, { credential })),
      ])
      assert.deepEqual(await engine.sessions(ada), [])
    })

    on('refuses to resume with the old credential, and leaves the session to a new one', async (engine) => {
      const asked = request(ada, { credential: token(60_000) })
      const session = await startSession(engine, asked)
      await engine.detachSession(session, asked.connectionId, 60_000)
      await engine.revokeUser(ada, { issuedBefore: null, mode: 'reauth' })
      const resume = { resumes: asked.keyHash }
      assert.equal(await engine.startSession(request(ada, { ...resume, credential: token(60_000) })), null)
      assert.equal((await engine.sessions(ada))[0]?.state, 'detached')
      const resumed = await startSession(engine, request(ada, { ...resume, credential: token(-5_000) }))
      assert.equal(resumed.sessionId, session.sessionId)
    })

    on('with reauth ends nothing, and emits reauth for each session concerned', async (engine) => {
      const [old, signed] = [await begin(engine, ada, token(60_000)), await begin(engine, ada, signature)]
      const young = await begin(engine, ada, token(-60_000))
      await begin(engine, bob)
      const two = nextEvents(engine, 'reauth', 2)
      await engine.revokeUser(ada, { issuedBefore: Date.now(), mode: 'reauth' })
      assert.deepEqual(
        idsOf((await two).map(({ session }) => ({ ...old, ...session }))),
        idsOf([old, signed]),
      )
      assert.deepEqual(idsOf(await engine.sessions(ada)), idsOf([old, signed, young]))
      assert.ok(await isRefused(engine, ada, token(0, { issuedAt: old.credential.issuedAt })))
    })
  })

  describe('renewing a session', () => {
    on('changes the credential of the session', async (engine) => {
      const asked = request(ada, { credential: token(5_000, { tokenId: 'old' }) })
      const session = await startSession(engine, asked)
      const fresh = token(-5_000, { tokenId: 'new', expiresAt: Date.now() + 60_000 })
      assert.equal(await engine.renewSession(session, asked.connectionId, fresh), true)
      assert.deepEqual((await engine.sessions(ada))[0]?.credential, fresh)
      assert.deepEqual(await endedBy(engine, () => engine.revokeToken(app, 'old')), [])
      assert.deepEqual(await endedBy(engine, () => engine.revokeToken(app, 'new')), idsOf([session]))
    })

    on('is refused with a revoked credential, and changes nothing then', async (engine) => {
      const asked = request(ada)
      const session = await startSession(engine, asked)
      await engine.revokeUser(ada, { issuedBefore: Date.now() - 10_000, mode: 'end' })
      assert.equal(await engine.renewSession(session, asked.connectionId, token(20_000)), false)
      assert.deepEqual((await engine.sessions(ada))[0]?.credential, asked.credential)
    })

    on('is also done by a resume', async (engine) => {
      const asked = request(ada)
      await startSession(engine, asked)
      const again = request(ada, {
        resumes: asked.keyHash,
        address: '203.0.113.9',
        node: 'node 2',
        client: null,
      })
      await startSession(engine, again)
      const [session] = await engine.sessions(ada)
      assert.deepEqual(session?.credential, again.credential)
      assert.deepEqual([session.address, session.node, session.client], ['203.0.113.9', 'node 2', null])
    })
  })

  describe('revoking a token', () => {
    on('ends the sessions with this token, and refuses it', async (engine) => {
      const credential = token(0, { tokenId: 'one', expiresAt: Date.now() + 60_000 })
      const [first, second] = [await begin(engine, ada, credential), await begin(engine, bob, credential)]
      const other = await begin(engine, ada, token(0, { tokenId: 'two' }))
      const twin = await begin(engine, { ...ada, appId: 'app2' }, credential)
      const ended = await endedBy(engine, () => engine.revokeToken(app, 'one'))
      assert.deepEqual(ended.toSorted(), idsOf([first, second]).toSorted())
      assert.deepEqual(idsOf(await engine.sessions(ada)), [other.sessionId])
      assert.equal((await engine.sessions(twin)).length, 1)
      assert.ok(await isRefused(engine, ada, credential))
      assert.ok(!(await isRefused(engine, ada, token(0, { tokenId: 'two' }))))
      assert.ok(!(await isRefused(engine, { ...ada, appId: 'app2' }, credential)))
    })

    on('works for a token that no session has had, and for any id', async (engine) => {
      for (const tokenId of ['unseen', 'a b/%\\"', '\0', 'x'.repeat(300)]) {
        await engine.revokeToken(app, tokenId)
        await engine.revokeToken(app, tokenId)
        assert.ok(await isRefused(engine, ada, token(0, { tokenId })), tokenId)
      }
      assert.ok(!(await isRefused(engine, ada, token(0, { tokenId: 'x' }))))
    })
  })

  describe('revoking an app', () => {
    on('ends all of its sessions and refuses their credentials', async (engine) => {
      const users = Array.from({ length: 100 }, (_, n) => ({ appId: app, userId: `user ${n}` }))
      const started = await Promise.all(users.map((of) => begin(engine, of)))
      const twin = await begin(engine, { ...ada, appId: 'app2' })
      const ended = await endedBy(engine, () => engine.revokeApp(app, all))
      assert.deepEqual(ended.toSorted(), idsOf(started).toSorted())
      assert.ok(await isRefused(engine, { appId: app, userId: 'who never came' }, signature))
      assert.equal((await engine.sessions(twin)).length, 1)
      assert.deepEqual((await engine.appSessions(app, null, 10)).sessions, [])
    })

    on('up to a time, or with reauth, has the effects that revoking a user has', async (engine) => {
      const time = Date.now() - 10_000
      const old = await begin(engine, ada, token(0, { issuedAt: time }))
      const young = await begin(engine, bob, token(0, { issuedAt: time + 1 }))
      const events = nextEvents(engine, 'reauth')
      assert.equal(await engine.revokeApp(app, { issuedBefore: time, mode: 'reauth' }), time)
      assert.equal((await events)[0]?.session.sessionId, old.sessionId)
      assert.deepEqual(
        await endedBy(engine, () => engine.revokeApp(app, { issuedBefore: time, mode: 'end' })),
        [old.sessionId],
      )
      assert.deepEqual(idsOf(await engine.sessions(bob)), [young.sessionId])
      assert.equal((await engine.status(ada)).revokedBefore, time)
      assert.equal(await engine.liftRevocation(ada), false)
      assert.equal(await engine.revokeUser(ada, { issuedBefore: time - 5, mode: 'end' }), time)
    })
  })

  if (durable) {
    describe('revocations', () => {
      on('are still there after a close', async (engine) => {
        const time = await engine.revokeUser(ada, all)
        await engine.revokeToken(app, 'one')
        await engine.revokeApp('app2', all)
        await reopen(engine)
        assert.equal((await engine.status(ada)).revokedBefore, time)
        assert.ok(await isRefused(engine, ada, token(60_000)))
        assert.ok(await isRefused(engine, bob, token(0, { tokenId: 'one' })))
        assert.ok(await isRefused(engine, { ...bob, appId: 'app2' }, token(60_000)))
        assert.ok(!(await isRefused(engine, bob, signature)))
      })

      on('end sessions from before the engine was opened again', async (engine) => {
        const session = await begin(engine, ada, token(0, { tokenId: 'one' }))
        await reopen(engine)
        assert.deepEqual(await endedBy(engine, () => engine.revokeToken(app, 'one')), [session.sessionId])
        await until('it is gone', async () => (await engine.sessions(ada)).length === 0)
      })
    })
  }
}
