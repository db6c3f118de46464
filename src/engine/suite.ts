import assert from 'node:assert/strict'
import type { Engine, SessionRecord } from './engine.js'
import { inboxSuite } from './suite-inbox.js'
import {
  ada,
  app,
  bob,
  contextOf,
  draft,
  hear,
  idsOf,
  isUnavailable,
  listed,
  request,
  rules,
  start,
  type EngineUnderTest,
  type SuiteRunner,
} from './suite-kit.js'
import { resumingSuite } from './suite-resuming.js'
import { sendingSuite } from './suite-sending.js'

export type { EngineUnderTest, SuiteRunner } from './suite-kit.js'

/** Ids that a store may trip over: separators, escapes, prefixes, names of its own, what sorts last, the longest. */
const trickyIds = [
  'a',
  'ab',
  'a b',
  'a/b',
  'a%2Fb',
  'a:b',
  'a!b',
  'a.b',
  'A',
  ' ',
  '/',
  '%',
  '\\',
  '"',
  '{}',
  '...',
  'key',
  'user',
  'session',
  '__proto__',
  'constructor',
  'guest:1',
  '😀',
  '😀😀',
  'é', // in one code point
  'e\u0301', // in two
  '\u{10FFFF}',
  '~'.repeat(255),
  '😀'.repeat(63) + 'abc',
  '12345',
  '012345',
]

/** Every method that needs an open engine. */
const calls: [string, (engine: Engine) => Promise<unknown>][] = [
  ['key', (engine) => engine.key()],
  ['user', (engine) => engine.user(ada)],
  ['saveUser', (engine) => engine.saveUser(ada, {})],
  ['startSession', (engine) => start(engine, ada)],
  ['sessions', (engine) => engine.sessions(ada)],
  ['confirmSession', (engine) => engine.confirmSession({ ...ada, sessionId: 'none' }, 'none')],
  ['detachSession', (engine) => engine.detachSession({ ...ada, sessionId: 'none' }, 'none', 1)],
  ['endSession', (engine) => engine.endSession({ ...ada, sessionId: 'none' }, 'ended')],
  ['send', (engine) => engine.send(draft(), rules())],
  ['inbox', (engine) => engine.inbox(ada)],
  ['messagesAfter', (engine) => engine.messagesAfter(ada, { epoch: '', offset: 0 }, 1)],
  ['messagesBefore', (engine) => engine.messagesBefore(ada, { epoch: '', offset: null }, 1)],
  ['markRead', (engine) => engine.markRead(ada, { epoch: '', offset: 1 })],
]

/**
 * What every engine must do, as tests: run it on an engine of your own to show that a gateway can rely on it.
 *
 * @example
 *     import { describe, it } from 'node:test'
 *     import { engineSuite } from 'chat-session/engine'
 *
 *     describe('my engine', () => {
 *       engineSuite({ describe, it }, { create: () => createMyEngine(), durable: true })
 *     })
 */
export const engineSuite = (runner: SuiteRunner, subject: EngineUnderTest): void => {
  const context = contextOf(runner, subject)
  const { describe, it, on, reopen, create, durable } = context

  describe('opening and closing', () => {
    for (const [name, call] of calls) {
      it(`refuses ${name} before it is opened`, async () => {
        const engine = await create()
        await assert.rejects(call(engine), isUnavailable)
      })

      it(`refuses ${name} after it is closed`, async () => {
        const engine = await create()
        await engine.open()
        await engine.close()
        await assert.rejects(call(engine), isUnavailable)
      })
    }

    on('may be opened while it is open, and goes on with what it has', async (engine) => {
      const session = await start(engine, ada)
      await Promise.all([engine.open(), engine.open()])
      assert.deepEqual(await engine.sessions(ada), [session])
    })

    it('is opened once when it is opened twice at the same time', async () => {
      const engine = await create()
      await Promise.all([engine.open(), engine.open()])
      await engine.saveUser(ada, {})
      assert.notEqual(await engine.user(ada), null)
      await engine.close()
      await assert.rejects(engine.user(ada), isUnavailable)
    })

    it('may be closed before it is opened, and twice', async () => {
      const engine = await create()
      await engine.close()
      await engine.open()
      await Promise.all([engine.close(), engine.close()])
      await engine.close()
      await assert.rejects(engine.user(ada), isUnavailable)
    })

    on('can be opened again', async (engine) => {
      await reopen(engine)
      await engine.saveUser(ada, { vouched: { name: 'Ada' } })
      assert.deepEqual((await engine.user(ada))?.vouched, { name: 'Ada' })
    })

    on('finishes what was under way when it is closed', async (engine) => {
      const saves = Array.from({ length: 50 }, (_, n) =>
        engine.saveUser({ appId: app, userId: `user ${n}` }, {}),
      )
      const closed = engine.close()
      const saved = await Promise.all(saves)
      await closed
      assert.ok(saved.every(({ created }) => created))
      if (!durable) return
      await engine.open()
      for (const { user } of saved) assert.deepEqual(await engine.user(user), user)
    })
  })

  describe('the key', () => {
    on('is 32 bytes, the same at every call', async (engine) => {
      const key = await engine.key()
      assert.ok(key instanceof Uint8Array)
      assert.equal(key.byteLength, 32)
      assert.deepEqual(await engine.key(), key)
    })

    on('stays what it is when a caller overwrites the bytes it was given', async (engine) => {
      const key = await engine.key()
      const copy = key.slice()
      key.fill(0)
      assert.deepEqual(await engine.key(), copy)
    })

    on('is another one for another engine', async (engine) => {
      const other = await create()
      await other.open()
      try {
        assert.notDeepEqual(await other.key(), await engine.key())
      } finally {
        await other.close()
      }
    })

    if (durable) {
      on('outlives a close', async (engine) => {
        const key = await engine.key()
        await reopen(engine)
        assert.deepEqual(await engine.key(), key)
      })
    }
  })

  describe('users', () => {
    on('are null until they are saved', async (engine) => {
      assert.equal(await engine.user(ada), null)
    })

    on('are created by their first save, with the time of it', async (engine) => {
      const before = Date.now()
      const { user, created, changed } = await engine.saveUser(ada, { vouched: { name: 'Ada' } })
      assert.ok(created && changed)
      assert.ok(user.createdAt >= before && user.createdAt <= Date.now())
      assert.deepEqual(user, { ...ada, vouched: { name: 'Ada' }, claimed: {}, createdAt: user.createdAt })
      assert.deepEqual(await engine.user(ada), user)
    })

    on('can be created without a profile', async (engine) => {
      const { user, created } = await engine.saveUser(ada, {})
      assert.ok(created)
      assert.deepEqual([user.vouched, user.claimed], [{}, {}])
      assert.deepEqual(await engine.user(ada), user)
    })

    on('keep every field of a profile as it was given', async (engine) => {
      const profile = {
        name: 'Åda 😀 \u2028"\\',
        email: 'ada@example.com',
        photoUrl: 'https://example.com/a.png?b=%20',
        locale: 'en-GB',
        role: '',
        custom: JSON.parse('{"":"empty","__proto__":"own","a.b":"dot"}') as Record<string, string>,
      }
      await engine.saveUser(ada, { vouched: profile, claimed: profile })
      const user = await engine.user(ada)
      assert.deepEqual(user?.vouched, profile)
      assert.deepEqual(user.claimed, profile)
    })

    on('change field by field: what is not given stays', async (engine) => {
      await engine.saveUser(ada, { vouched: { name: 'Ada', role: 'admin', custom: { a: '1', b: '2' } } })
      const { user, created, changed } = await engine.saveUser(ada, {
        vouched: { name: 'Ada L.', custom: { c: '3' } },
      })
      assert.ok(changed && !created)
      assert.deepEqual(user.vouched, { name: 'Ada L.', role: 'admin', custom: { c: '3' } })
      assert.deepEqual(await engine.user(ada), user)
    })

    on('keep what was vouched for apart from what was claimed', async (engine) => {
      await engine.saveUser(ada, { vouched: { name: 'Ada' } })
      await engine.saveUser(ada, { claimed: { name: 'Root', locale: 'en' } })
      const user = await engine.user(ada)
      assert.deepEqual(user?.vouched, { name: 'Ada' })
      assert.deepEqual(user.claimed, { name: 'Root', locale: 'en' })
    })

    on('are told to be unchanged by a save that brings nothing new', async (engine) => {
      const first = await engine.saveUser(ada, { vouched: { name: 'Ada', custom: { a: '1', b: '2' } } })
      const again = [
        {},
        { vouched: {} },
        { vouched: { name: 'Ada' } },
        { vouched: { custom: { b: '2', a: '1' } } },
      ]
      for (const change of again) {
        const { user, created, changed } = await engine.saveUser(ada, change)
        assert.ok(!created && !changed, JSON.stringify(change))
        assert.deepEqual(user, first.user)
      }
    })

    on('lose no field when they are saved many times at once, and are created once', async (engine) => {
      const saves = Array.from({ length: 40 }, (_, n) =>
        engine.saveUser(
          ada,
          n % 2 ? { vouched: { [`field${n}`]: 'v' } } : { claimed: { [`field${n}`]: 'c' } },
        ),
      )
      const saved = await Promise.all(saves)
      assert.equal(saved.filter(({ created }) => created).length, 1)
      const user = await engine.user(ada)
      assert.equal(Object.keys(user?.vouched ?? {}).length, 20)
      assert.equal(Object.keys(user?.claimed ?? {}).length, 20)
    })

    on('are saved many at once', async (engine) => {
      const userIds = Array.from({ length: 300 }, (_, n) => `user ${n}`)
      await Promise.all(
        userIds.map((userId) => engine.saveUser({ appId: app, userId }, { claimed: { name: userId } })),
      )
      for (const userId of userIds) {
        assert.equal((await engine.user({ appId: app, userId }))?.claimed.name, userId)
      }
    })

    on('of two apps are apart, whatever their ids', async (engine) => {
      const twin = { appId: 'app2', userId: ada.userId }
      await engine.saveUser(ada, { vouched: { name: 'one' } })
      assert.equal(await engine.user(twin), null)
      await engine.saveUser(twin, { vouched: { name: 'two' } })
      assert.deepEqual((await engine.user(ada))?.vouched, { name: 'one' })
      assert.deepEqual((await engine.user(twin))?.vouched, { name: 'two' })
    })

    on('may have any id there is', async (engine) => {
      for (const userId of trickyIds)
        await engine.saveUser({ appId: app, userId }, { claimed: { name: userId } })
      for (const userId of trickyIds) {
        const user = await engine.user({ appId: app, userId })
        assert.deepEqual([user?.userId, user?.claimed], [userId, { name: userId }])
      }
    })

    on('stay what they are when a caller changes what it gave or was given', async (engine) => {
      const custom = { team: 'a' }
      const { user } = await engine.saveUser(ada, { vouched: { custom } })
      custom.team = 'b'
      const kept = structuredClone(user)
      assert.deepEqual(kept.vouched, { custom: { team: 'a' } })
      user.vouched.name = 'changed'
      const read = await engine.user(ada)
      assert.deepEqual(read, kept)
      read.claimed.name = 'changed'
      assert.deepEqual(await engine.user(ada), kept)
    })

    if (durable) {
      on('outlive a close', async (engine) => {
        const { user } = await engine.saveUser(ada, { vouched: { name: 'Ada' }, claimed: { locale: 'en' } })
        await engine.saveUser(bob, {})
        const changed = await engine.saveUser(bob, { claimed: { name: 'Bob' } })
        await reopen(engine)
        assert.deepEqual(await engine.user(ada), user)
        assert.deepEqual(await engine.user(bob), changed.user)
      })
    }
  })

  describe('sessions', () => {
    on('start with an id of their own, and are what was asked for', async (engine) => {
      const before = Date.now()
      const one = await start(engine, ada)
      const guest = listed(await engine.startSession(request(ada, { guest: true })))
      assert.ok(one.sessionId !== '' && one.sessionId !== guest.sessionId)
      assert.ok(one.startedAt >= before && one.startedAt <= Date.now())
      assert.deepEqual(one, {
        ...ada,
        sessionId: one.sessionId,
        guest: false,
        startedAt: one.startedAt,
        lastSeenAt: one.startedAt,
        state: 'active',
      })
      assert.equal(guest.guest, true)
      assert.deepEqual(await engine.sessions(ada), [one, guest])
    })

    on('are none for a user who started none', async (engine) => {
      await engine.saveUser(ada, {})
      assert.deepEqual(await engine.sessions(ada), [])
    })

    on('are listed oldest first', async (engine) => {
      const started: SessionRecord[] = []
      for (let n = 0; n < 10; n++) started.push(await start(engine, ada))
      assert.deepEqual(await engine.sessions(ada), started)
    })

    on('end once, and only with the right user and app', async (engine) => {
      const session = await start(engine, ada)
      const kept = await start(engine, ada)
      assert.equal(await engine.endSession({ ...session, userId: 'bob' }, 'ended'), false)
      assert.equal(await engine.endSession({ ...session, appId: 'app2' }, 'ended'), false)
      assert.equal(await engine.endSession({ ...session, sessionId: 'none' }, 'ended'), false)
      assert.deepEqual(await engine.sessions(ada), [session, kept])
      assert.equal(await engine.endSession(session, 'ended'), true)
      assert.equal(await engine.endSession(session, 'ended'), false)
      assert.deepEqual(await engine.sessions(ada), [kept])
    })

    on('end once when they are ended twice at the same time', async (engine) => {
      const session = await start(engine, ada)
      const ended = await Promise.all([
        engine.endSession(session, 'ended'),
        engine.endSession(session, 'revoked'),
      ])
      assert.deepEqual(ended.toSorted(), [false, true])
    })

    on('beyond the limit replace the oldest, and listeners hear of each', async (engine) => {
      const [first, second, third] = [
        await start(engine, ada),
        await start(engine, ada),
        await start(engine, ada),
      ]
      const other = await start(engine, bob)
      const heard = hear(engine, 'session-ended', 2)
      const fourth = await start(engine, ada, 2)
      assert.deepEqual(
        await heard,
        [first, second].map(({ sessionId }) => ({
          type: 'session-ended',
          session: { ...ada, sessionId },
          code: 'replaced',
        })),
      )
      assert.deepEqual(await engine.sessions(ada), [third, fourth])
      assert.deepEqual(await engine.sessions(bob), [other])
    })

    on('may be limited to one', async (engine) => {
      await start(engine, ada, 1)
      const last = await start(engine, ada, 1)
      assert.deepEqual(await engine.sessions(ada), [last])
    })

    on('keep to the limit when many start at once', async (engine) => {
      const heard = hear(engine, 'session-ended', 47)
      const started = await Promise.all(Array.from({ length: 50 }, () => start(engine, ada, 3)))
      const replaced = (await heard).map(({ session }) => session.sessionId)
      const live = idsOf(await engine.sessions(ada))
      assert.equal(live.length, 3)
      assert.deepEqual([...replaced, ...live].toSorted(), idsOf(started).toSorted())
    })

    on('have ids that are all different', async (engine) => {
      const started = await Promise.all(
        Array.from({ length: 1_000 }, (_, n) => start(engine, { appId: app, userId: `user ${n % 50}` })),
      )
      assert.equal(new Set(idsOf(started)).size, 1_000)
    })

    on('of two apps are apart', async (engine) => {
      const twin = { appId: 'app2', userId: ada.userId }
      const here = await start(engine, ada, 1)
      const there = await start(engine, twin, 1)
      assert.deepEqual(await engine.sessions(ada), [here])
      assert.deepEqual(await engine.sessions(twin), [there])
    })

    on('of users with any ids are apart, prefixes of each other included', async (engine) => {
      const started = new Map<string, SessionRecord>()
      for (const userId of trickyIds) started.set(userId, await start(engine, { appId: app, userId }, 1))
      for (const [userId, session] of started) {
        assert.deepEqual(await engine.sessions({ appId: app, userId }), [session])
      }
      assert.equal(await engine.endSession(started.get('a') ?? assert.fail(), 'ended'), true)
      assert.deepEqual(await engine.sessions({ appId: app, userId: 'a' }), [])
      assert.deepEqual(await engine.sessions({ appId: app, userId: 'ab' }), [started.get('ab')])
    })

    on('of an app and a user whose ids together read like those of others are apart', async (engine) => {
      const one = await start(engine, { appId: 'x', userId: 'y/z' })
      const two = await start(engine, { appId: 'x-y', userId: 'z' })
      assert.deepEqual(await engine.sessions(one), [one])
      assert.deepEqual(await engine.sessions(two), [two])
    })

    on('stay what they are when a caller changes what it was given', async (engine) => {
      const started = await start(engine, ada)
      const session = { ...started }
      started.guest = true
      const [found] = await engine.sessions(ada)
      assert.deepEqual(found, session)
      found.guest = true
      assert.deepEqual(await engine.sessions(ada), [session])
    })
  })

  describe('listeners', () => {
    on('all hear that a session ended, and why', async (engine) => {
      const session = await start(engine, ada)
      const heard = [hear(engine, 'session-ended'), hear(engine, 'session-ended')]
      await engine.endSession(session, 'revoked')
      const told = {
        type: 'session-ended',
        session: { ...ada, sessionId: session.sessionId },
        code: 'revoked',
      }
      assert.deepEqual(await Promise.all(heard), [[told], [told]])
    })

    on('hear nothing of a start, nor of an end that was none', async (engine) => {
      const heard = hear(engine, 'session-ended')
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
      const heard = hear(engine, 'session-ended')
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
      const first = hear(engine, 'session-ended')
      await engine.endSession(await start(engine, ada), 'revoked')
      await first
      life.abort()
      const second = hear(engine, 'session-ended')
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
      const heard = hear(engine, 'session-ended')
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
        const heard = hear(engine, 'user-changed')
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
      const heard = hear(engine, 'user-changed', 10)
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
      const heard = hear(engine, 'session-ended', 2)
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

  resumingSuite(context)
  sendingSuite(context)
  inboxSuite(context)
}
