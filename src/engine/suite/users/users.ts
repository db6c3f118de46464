import assert from 'node:assert/strict'
import type { UserChange } from '../../engine.js'
import {
  ada,
  app,
  bob,
  credential,
  deliver,
  request,
  startSession,
  trickyIds,
  vouch,
  type SuiteContext,
} from '../kit.js'
import { ask, pendingOf, typesOf } from '../webhook-kit.js'

/** A part of the suite: saving and reading users. */
export const usersSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('users', () => {
    on('are created by their first save, with its time', async (engine) => {
      const before = Date.now()
      const { user, created, changed } = await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      assert.ok(created && changed)
      assert.ok(user.createdAt >= before && user.createdAt <= Date.now())
      assert.deepEqual(user, {
        ...ada,
        vouched: { name: 'Ada' },
        vouchedAt: user.vouchedAt,
        claimed: {},
        createdAt: user.createdAt,
      })
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
      await engine.saveUser(ada, { vouched: vouch(profile), claimed: profile })
      const user = await engine.user(ada)
      assert.deepEqual(user?.vouched, profile)
      assert.deepEqual(user.claimed, profile)
    })

    on('remember when the backend itself last set the profile', async (engine) => {
      const at = Date.now()
      const vouched = (name: string, issuedAt: number, byBackend?: boolean) => ({
        vouched: { profile: { name }, issuedAt, ...(byBackend && { byBackend }) },
      })
      const { user: first } = await engine.saveUser(ada, vouched('token', at))
      assert.equal('setAt' in first, false)
      const { user: set } = await engine.saveUser(ada, vouched('set', at + 1, true))
      assert.deepEqual([set.vouched, set.setAt], [{ name: 'set' }, at + 1])
      assert.deepEqual(await engine.user(ada), set)
      await engine.saveUser(ada, vouched('late', at, true))
      assert.deepEqual(await engine.user(ada), set)
      // A newer token changes the profile, and not the time.
      const { user: last } = await engine.saveUser(ada, vouched('newer', at + 2))
      assert.deepEqual([last.vouched, last.vouchedAt, last.setAt], [{ name: 'newer' }, at + 2, at + 1])
      assert.deepEqual(await engine.user(ada), last)
      if (!durable) return
      await reopen(engine)
      assert.deepEqual(await engine.user(ada), last)
    })

    on('change claimed fields one by one: a field that is not given stays', async (engine) => {
      await engine.saveUser(ada, { claimed: { name: 'Ada', role: 'admin', custom: { a: '1', b: '2' } } })
      const { user, created, changed } = await engine.saveUser(ada, {
        claimed: { name: 'Ada L.', custom: { c: '3' } },
      })
      assert.ok(changed && !created)
      assert.deepEqual(user.claimed, { name: 'Ada L.', role: 'admin', custom: { c: '3' } })
      assert.deepEqual(await engine.user(ada), user)
    })

    on('keep their profile within its limit: claimed fields beyond it are left out', async (engine) => {
      const half = 'x'.repeat(2_500)
      const [{ user }] = await Promise.all([
        engine.saveUser(ada, { claimed: { name: half } }),
        engine.saveUser(ada, { claimed: { role: half } }),
      ])
      assert.deepEqual(user.claimed, { name: half })
      assert.deepEqual((await engine.user(ada))?.claimed, { name: half })
      await engine.saveUser(ada, { claimed: { name: 'Ada' } })
      await engine.saveUser(ada, { claimed: { role: half } })
      assert.deepEqual((await engine.user(ada))?.claimed, { name: 'Ada', role: half })
      await engine.saveUser(ada, { vouched: vouch({ email: half }) })
      assert.deepEqual((await engine.user(ada))?.claimed, {})
    })

    on('replace the vouched profile as a whole', async (engine) => {
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada', role: 'admin' }) })
      const { user, changed } = await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      assert.ok(changed)
      assert.deepEqual(user.vouched, { name: 'Ada' })
      assert.deepEqual(await engine.user(ada), user)
    })

    on('have no vouched fields after a vouched profile without any', async (engine) => {
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      await engine.saveUser(ada, { vouched: vouch({}) })
      assert.deepEqual((await engine.user(ada))?.vouched, {})
    })

    on('keep the vouched profile that was issued last, whichever came last', async (engine) => {
      const role = async (change: UserChange): Promise<string | undefined> =>
        (await engine.saveUser(ada, change)).user.vouched.role
      const now = Date.now()
      assert.equal(await role({ vouched: { profile: { role: 'member' }, issuedAt: now - 2_000 } }), 'member')
      assert.equal(await role({ vouched: { profile: { role: 'guest' }, issuedAt: now } }), 'guest')
      assert.equal(await role({ vouched: { profile: { role: 'admin' }, issuedAt: now - 1_000 } }), 'guest')
      assert.equal(await role({ claimed: { role: 'admin' } }), 'guest')
      assert.equal(await role({ vouched: { profile: { role: 'owner' }, issuedAt: now } }), 'owner')
      assert.equal((await engine.user(ada))?.vouched.role, 'owner')
    })

    on('keep the time of the last vouched profile though the profile is equal', async (engine) => {
      const now = Date.now()
      const vouched = (role: string, issuedAt: number) => ({ vouched: { profile: { role }, issuedAt } })
      await engine.saveUser(ada, vouched('member', now - 3_000))
      const again = await engine.saveUser(ada, vouched('member', now - 1_000))
      assert.ok(!again.changed)
      const late = await engine.saveUser(ada, vouched('admin', now - 2_000))
      assert.ok(!late.changed)
      assert.equal((await engine.user(ada))?.vouched.role, 'member')
      if (!durable) return
      await reopen(engine)
      await engine.saveUser(ada, vouched('admin', now - 2_000))
      assert.equal((await engine.user(ada))?.vouched.role, 'member')
    })

    on('take a vouched profile without a time only if there is none yet', async (engine) => {
      const vouched = (role: string) => ({ vouched: { profile: { role }, issuedAt: null } })
      assert.equal((await engine.saveUser(ada, vouched('member'))).user.vouched.role, 'member')
      assert.equal((await engine.saveUser(ada, vouched('admin'))).user.vouched.role, 'member')
      await engine.saveUser(ada, { vouched: vouch({ role: 'guest' }) })
      assert.equal((await engine.saveUser(ada, vouched('admin'))).user.vouched.role, 'guest')
    })

    on('keep vouched and claimed fields separate', async (engine) => {
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      await engine.saveUser(ada, { claimed: { name: 'Root', locale: 'en' } })
      const user = await engine.user(ada)
      assert.deepEqual(user?.vouched, { name: 'Ada' })
      assert.deepEqual(user.claimed, { name: 'Root', locale: 'en' })
    })

    on('are unchanged by a save of equal fields', async (engine) => {
      const first = await engine.saveUser(ada, { claimed: { name: 'Ada', custom: { a: '1', b: '2' } } })
      const again = [
        {},
        { claimed: {} },
        { claimed: { name: 'Ada' } },
        { claimed: { custom: { b: '2', a: '1' } } },
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
          n % 2 ? { vouched: vouch({ role: `${n}` }) } : { claimed: { [`field${n}`]: 'c' } },
        ),
      )
      const saved = await Promise.all(saves)
      assert.equal(saved.filter(({ created }) => created).length, 1)
      const user = await engine.user(ada)
      assert.deepEqual(user?.vouched, { role: '39' })
      assert.equal(Object.keys(user.claimed).length, 20)
    })

    on('are created once, with their profile, by a start and a message to them at once', async (engine) => {
      await ask(engine, ['user.created'])
      const change = { vouched: vouch({ name: 'New' }) }
      const admission = { credential: credential(), maxGuests: null, mustBeNew: false }
      for (const userId of ['start first', 'message first']) {
        const of = { appId: app, userId }
        const steps = [
          () => engine.admitUser(of, change, admission),
          () => deliver(engine, { from: null, to: userId }),
        ]
        if (userId === 'message first') steps.reverse()
        await Promise.all(steps.map((step) => step()))
        const user = await engine.user(of)
        assert.deepEqual(user?.vouched, { name: 'New' })
        assert.deepEqual(typesOf(await pendingOf(engine, of)), ['user.created'])
      }
      assert.equal((await engine.usage(app)).users, 2)
    })

    on('can start though a message to them came meanwhile', async (engine) => {
      const admission = { credential: credential(), maxGuests: null, mustBeNew: false }
      const [admitted] = await Promise.all([
        engine.admitUser(bob, {}, admission),
        deliver(engine, { from: null }),
      ])
      assert.ok(typeof admitted === 'object')
      await startSession(engine, request(bob, { userCreatedAt: admitted.user.createdAt }))
    })

    on('of two apps are separate', async (engine) => {
      const twin = { appId: 'app2', userId: ada.userId }
      await engine.saveUser(ada, { vouched: vouch({ name: 'one' }) })
      assert.equal(await engine.user(twin), null)
      await engine.saveUser(twin, { vouched: vouch({ name: 'two' }) })
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
      const { user } = await engine.saveUser(ada, { vouched: vouch({ custom }) })
      custom.team = 'b'
      const kept = structuredClone(user)
      assert.deepEqual(kept.vouched, { custom: { team: 'a' } })
      user.vouched.name = 'changed'
      const read = await engine.user(ada)
      assert.deepEqual(read, kept)
      read.claimed.name = 'changed'
      assert.deepEqual(await engine.user(ada), kept)
    })
  })
}
