// Redis keeps whose a device is for as long as the device, and no longer.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine, UserRef } from '../../../src/engine/index.js'
import { ada, app, bob, request, saveGuest, startSession, whileOpen } from '../../../src/engine/suite/kit.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import { adopt, saveDevice } from '../../support/engine/calls.js'
import { redisEngines } from '../../support/redis/engines.js'
import { hookedClient } from '../../support/redis/hooked-client.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'

const server = await standalone()
const engines = redisEngines(() => ({ type: 'single', url: server.url }))

/** Calls `body` with an engine, and with a function that counts the owners of devices. */
const withEngine = async (
  prefix: string,
  body: (engine: Engine, owners: () => Promise<number>) => Promise<void>,
): Promise<void> => {
  const owners = async (): Promise<number> =>
    (await server.command('keys', `${prefix}*}:device:*`)).split('\n').filter((line) => line !== '').length
  await whileOpen(engines.createWith(prefix), (engine) => body(engine, owners))
}

const addDevice = async (engine: Engine, of: UserRef, name: string): Promise<void> =>
  assert.ok(await saveDevice(engine, of, `${of.userId}/${name}`))

it('forgets the devices of a user that make room for newer ones', async () => {
  await withEngine('room:', async (engine, owners) => {
    await engine.saveUser(bob, {})
    for (let n = 0; n < 30; n++) await addDevice(engine, bob, `${n}`)
    assert.equal(await owners(), 10)
    assert.equal((await engine.pushDevices(bob)).length, 10)
  })
})

it('forgets the devices of guests who end, of adopted guests and of deleted users', async () => {
  await withEngine('users:', async (engine, owners) => {
    const guest = { appId: app, userId: 'guest:1' }
    await saveGuest(engine, guest, {}, 1_000)
    const session = await startSession(engine, request(guest, { guest: true }))
    await addDevice(engine, guest, 'one')
    assert.equal(await owners(), 1)
    await engine.endSession(session, 'ended')
    await until('no owner is left', owners, 0)

    await engine.saveUser(ada, {})
    await saveGuest(engine, { ...guest, userId: 'guest:2' })
    await addDevice(engine, { ...guest, userId: 'guest:2' }, 'two')
    assert.ok(await adopt(engine, ada, 'guest:2'))
    await until('no owner is left', owners, 0)

    await addDevice(engine, ada, 'three')
    assert.equal(await owners(), 1)
    assert.equal(await engine.deleteUser(ada), true)
    await until('no owner is left', owners, 0)
  })
})

it('keeps a device that is saved again while its end still runs', async () => {
  await withEngine('again:', async (engine) => {
    await engine.saveUser(bob, {})
    await addDevice(engine, bob, 'one')
    let isSaved = false
    const hooked = createSharedEngine({
      client: () =>
        hookedClient({ type: 'single', url: server.url }, async (script, { args }) => {
          if (script !== 'ownPush' || !args.includes('free') || isSaved) return
          isSaved = true
          await addDevice(engine, bob, 'one')
        }),
      ...{ prefix: 'again:', onError: assert.ifError },
    })
    await whileOpen(hooked, async () => {
      const [device] = await hooked.pushDevices(bob)
      assert.ok(device)
      assert.equal(await hooked.endPushDevice(bob, device.id), true)
      assert.ok(isSaved)
      assert.equal((await engine.pushDevices(bob)).length, 1)
    })
  })
})

it('keeps a device that is saved again while its end runs between the two steps of the save', async () => {
  await withEngine('between:', async (engine, owners) => {
    await engine.saveUser(bob, {})
    await addDevice(engine, bob, 'one')
    const [device] = await engine.pushDevices(bob)
    assert.ok(device)
    let hasEnded = false
    const hooked = createSharedEngine({
      client: () =>
        hookedClient({ type: 'single', url: server.url }, async (script) => {
          if (script !== 'writePush' || hasEnded) return
          hasEnded = true
          assert.equal(await engine.endPushDevice(bob, device.id), true)
        }),
      ...{ prefix: 'between:', onError: assert.ifError },
    })
    await whileOpen(hooked, async () => {
      await addDevice(hooked, bob, 'one')
      assert.ok(hasEnded)
      assert.equal((await engine.pushDevices(bob)).length, 1)
      assert.equal(await owners(), 1)
    })
  })
})

it('forgets the device of a user who is deleted between the two steps of the save', async () => {
  await withEngine('deleted:', async (engine, owners) => {
    await engine.saveUser(bob, {})
    const hooked = createSharedEngine({
      client: () =>
        hookedClient({ type: 'single', url: server.url }, async (script) => {
          if (script === 'writePush') await engine.deleteUser(bob)
        }),
      ...{ prefix: 'deleted:', onError: assert.ifError },
    })
    await whileOpen(hooked, async () => {
      await assert.rejects(addDevice(hooked, bob, 'one'), assert.AssertionError)
      assert.equal(await engine.user(bob), null)
      assert.equal(await owners(), 0)
    })
  })
})
