import assert from 'node:assert/strict'
import { ada, app, bob, trickyIds, type SuiteContext } from './kit.js'

/** A part of the suite: saving and reading users. */
export const usersSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('users', () => {
    on('are null until they are saved', async (engine) => {
      assert.equal(await engine.user(ada), null)
    })

    on('are created by their first save, with its time', async (engine) => {
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

    on('keep every field of a profile unchanged', async (engine) => {
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

    on('change field by field: a field that is not given stays', async (engine) => {
      await engine.saveUser(ada, { vouched: { name: 'Ada', role: 'admin', custom: { a: '1', b: '2' } } })
      const { user, created, changed } = await engine.saveUser(ada, {
        vouched: { name: 'Ada L.', custom: { c: '3' } },
      })
      assert.ok(changed && !created)
      assert.deepEqual(user.vouched, { name: 'Ada L.', role: 'admin', custom: { c: '3' } })
      assert.deepEqual(await engine.user(ada), user)
    })

    on('keep vouched and claimed fields separate', async (engine) => {
      await engine.saveUser(ada, { vouched: { name: 'Ada' } })
      await engine.saveUser(ada, { claimed: { name: 'Root', locale: 'en' } })
      const user = await engine.user(ada)
      assert.deepEqual(user?.vouched, { name: 'Ada' })
      assert.deepEqual(user.claimed, { name: 'Root', locale: 'en' })
    })

    on('are unchanged by a save of equal fields', async (engine) => {
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

    on('of two apps are separate', async (engine) => {
      const twin = { appId: 'app2', userId: ada.userId }
      await engine.saveUser(ada, { vouched: { name: 'one' } })
      assert.equal(await engine.user(twin), null)
      await engine.saveUser(twin, { vouched: { name: 'two' } })
      assert.deepEqual((await engine.user(ada))?.vouched, { name: 'one' })
      assert.deepEqual((await engine.user(twin))?.vouched, { name: 'two' })
    })

    on('may have any id', async (engine) => {
      for (const userId of trickyIds)
        await engine.saveUser({ appId: app, userId }, { claimed: { name: userId } })
      for (const userId of trickyIds) {
        const user = await engine.user({ appId: app, userId })
        assert.deepEqual([user?.userId, user?.claimed], [userId, { name: userId }])
      }
    })

    on('do not change when a caller changes a given or returned object', async (engine) => {
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
      on('are there after a close', async (engine) => {
        const { user } = await engine.saveUser(ada, { vouched: { name: 'Ada' }, claimed: { locale: 'en' } })
        await engine.saveUser(bob, {})
        const changed = await engine.saveUser(bob, { claimed: { name: 'Bob' } })
        await reopen(engine)
        assert.deepEqual(await engine.user(ada), user)
        assert.deepEqual(await engine.user(bob), changed.user)
      })
    }
  })
}
