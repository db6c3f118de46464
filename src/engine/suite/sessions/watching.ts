import assert from 'node:assert/strict'
import type { Engine, UserRef } from '../../engine.js'
import {
  ada,
  advanceClock,
  app,
  bob,
  request,
  start,
  startSession,
  trickyIds,
  until,
  type SuiteContext,
} from '../kit.js'

const cy: UserRef = { appId: app, userId: 'cy' }

interface Changes {
  /** The changes that the engine has emitted so far, such as `bob online`. */
  readonly seen: string[]
  readonly lastSeenAt: (number | null)[]
  stop(): void
}

/** Collects the changes of presence that an engine emits. */
const changesOf = (engine: Engine): Changes => {
  const life = new AbortController()
  const seen: string[] = []
  const lastSeenAt: (number | null)[] = []
  engine.listen((event) => {
    if (event.type !== 'presence') return
    seen.push(`${event.user.userId} ${event.online ? 'online' : 'offline'}`)
    lastSeenAt.push(event.lastSeenAt)
  }, life.signal)
  return { seen, lastSeenAt, stop: () => life.abort() }
}

const untilSeen = (changes: Changes, ...seen: string[]): Promise<void> =>
  until(`${seen.join(', ')}, and not ${changes.seen.join(', ')}`, () =>
    Promise.resolve(changes.seen.length >= seen.length),
  ).then(() => assert.deepEqual(changes.seen, seen))

/** A part of the suite: gateways watch who is online. */
export const watchingSuite = ({ describe, on, onTwo, reopen }: SuiteContext): void => {
  describe('a watch', () => {
    on('answers with the presence of the users, in their order', async (engine) => {
      const before = Date.now()
      await start(engine, ada)
      await engine.endSession(await start(engine, cy), 'ended')
      await until('the time is stored', async () => (await engine.status(cy)).lastSeenAt !== null)
      const [never, online, offline, again] = await engine.watch([bob, ada, cy, ada])
      assert.deepEqual(never, { ...bob, online: false, lastSeenAt: null })
      assert.deepEqual([online?.userId, online?.online], ['ada', true])
      assert.deepEqual([offline?.userId, offline?.online], ['cy', false])
      for (const { lastSeenAt } of [online ?? assert.fail(), offline ?? assert.fail()])
        assert.ok(Number(lastSeenAt) >= before && Number(lastSeenAt) <= Date.now() + 1_000)
      assert.deepEqual([again?.userId, again?.online], ['ada', true])
      assert.deepEqual(await engine.watch([]), [])
      assert.equal(await engine.user(bob), null)
    })

    on('tells when a user comes online and goes offline, in order', async (engine) => {
      const changes = changesOf(engine)
      await engine.watch([bob])
      const before = Date.now()
      for (let n = 0; n < 3; n++) await engine.endSession(await start(engine, bob), 'ended')
      await untilSeen(changes, ...Array.from({ length: 6 }, (_, n) => `bob ${n % 2 ? 'offline' : 'online'}`))
      for (const at of changes.lastSeenAt) assert.ok(Number(at) >= before)
      changes.stop()
    })

    on('tells of no other user, and of no other app', async (engine) => {
      const changes = changesOf(engine)
      await engine.watch([bob])
      await start(engine, ada)
      await start(engine, { ...bob, appId: 'app2' })
      await start(engine, bob)
      await untilSeen(changes, 'bob online')
      changes.stop()
    })

    on(
      'tells of nothing that leaves the user online: more sessions, hidden pages, resumes',
      async (engine) => {
        const changes = changesOf(engine)
        const asked = request(bob)
        const session = await startSession(engine, asked)
        await engine.watch([bob])
        const second = await start(engine, bob)
        await engine.setHidden(session, asked.connectionId, true)
        await engine.endSession(second, 'ended')
        await engine.detachSession(session, asked.connectionId, 60_000)
        const again = request(bob, { resumes: asked.keyHash })
        await startSession(engine, again)
        await engine.endSession(session, 'ended')
        await untilSeen(changes, 'bob offline')
        changes.stop()
      },
    )

    on(
      'tells that a user is offline once the connection is lost for 20 seconds, and of the resume',
      async (engine) => {
        const changes = changesOf(engine)
        const asked = request(bob)
        const session = await startSession(engine, asked)
        await engine.watch([bob])
        const lostAt = performance.now()
        await engine.detachSession(session, asked.connectionId, 60_000)
        advanceClock(19_000)
        await engine.status(bob)
        // On a busy machine the 20 seconds are perhaps over by now.
        if (performance.now() - lostAt < 20_000) assert.deepEqual(changes.seen, [])
        advanceClock(2_000)
        await engine.status(bob)
        await untilSeen(changes, 'bob offline')
        assert.equal((await engine.watch([bob]))[0]?.online, false)
        await startSession(engine, request(bob, { resumes: asked.keyHash }))
        await untilSeen(changes, 'bob offline', 'bob online')
        changes.stop()
      },
    )

    on('tells of ends without a call: of a resume window, a revocation, a deletion', async (engine) => {
      const changes = changesOf(engine)
      await engine.watch([bob])
      const asked = request(bob)
      await engine.detachSession(await startSession(engine, asked), asked.connectionId, 20)
      await untilSeen(changes, 'bob online', 'bob offline')
      await start(engine, bob)
      await engine.revokeUser(bob, { issuedBefore: null, mode: 'end' })
      // A credential that was issued in the millisecond of the revocation is revoked too, so the next one has to come later.
      const now = Date.now()
      await until('a later time', () => Promise.resolve(Date.now() > now + 1))
      await engine.saveUser(bob, {})
      await start(engine, bob)
      await engine.deleteUser(bob)
      await untilSeen(changes, ...Array.from({ length: 6 }, (_, n) => `bob ${n % 2 ? 'offline' : 'online'}`))
      changes.stop()
    })

    on('ends with unwatch, and may begin again', async (engine) => {
      const changes = changesOf(engine)
      await engine.watch([ada, bob])
      engine.unwatch([bob, cy])
      await start(engine, bob)
      await start(engine, ada)
      await untilSeen(changes, 'ada online')
      assert.equal((await engine.watch([bob]))[0]?.online, true)
      engine.unwatch([ada])
      const [session] = await engine.sessions(bob)
      await engine.endSession(session ?? assert.fail(), 'ended')
      await untilSeen(changes, 'ada online', 'bob offline')
      changes.stop()
    })

    on('ends when the engine is closed', async (engine) => {
      await engine.watch([bob])
      await reopen(engine)
      const changes = changesOf(engine)
      await engine.watch([ada])
      const before = await engine.watch([cy])
      assert.equal(before[0]?.online, false)
      await start(engine, bob)
      await start(engine, ada)
      await untilSeen(changes, 'ada online')
      changes.stop()
      await engine.close()
      engine.unwatch([bob])
    })

    on('works for many users, whatever their ids are', async (engine) => {
      const users = trickyIds.map((userId) => ({ appId: app, userId }))
      const crowd = Array.from({ length: 1_000 }, (_, n) => ({ appId: app, userId: `crowd ${n}` }))
      const changes = changesOf(engine)
      const found = await engine.watch([...users, ...crowd])
      assert.deepEqual(
        found,
        [...users, ...crowd].map((of) => ({ ...of, online: false, lastSeenAt: null })),
      )
      for (const of of users) await start(engine, of)
      await untilSeen(changes, ...trickyIds.map((id) => `${id} online`))
      changes.stop()
    })

    onTwo('hears of sessions at every engine, and each engine hears of a change once', async (one, two) => {
      const [here, there] = [changesOf(one), changesOf(two)]
      await one.watch([ada, bob])
      await two.watch([bob])
      const atOne = await start(one, bob)
      const atTwo = await start(two, bob)
      await start(two, ada)
      await one.endSession(atOne, 'ended')
      await one.endSession(atTwo, 'ended')
      await untilSeen(there, 'bob online', 'bob offline')
      await until('three changes', () => Promise.resolve(here.seen.length >= 3))
      assert.deepEqual(here.seen.toSorted(), ['ada online', 'bob offline', 'bob online'])
      await start(two, bob)
      await untilSeen(there, 'bob online', 'bob offline', 'bob online')
      for (const changes of [here, there]) changes.stop()
    })

    onTwo('hears 20 seconds after an engine was closed that its user is offline', async (one, two) => {
      await start(two, bob)
      const changes = changesOf(one)
      assert.equal((await one.watch([bob]))[0]?.online, true)
      await two.close()
      advanceClock(21_000)
      await untilSeen(changes, 'bob offline')
      changes.stop()
    })
  })
}
