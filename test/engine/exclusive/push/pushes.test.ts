import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Engine } from '../../../../src/engine/engine.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { advanceClock, nextEvents } from '../../../../src/engine/suite/kit.js'
import { rows } from '../../../../src/engine/exclusive/store/rows.js'
import { saveDevice } from '../../../support/engine/calls.js'
import { createPowerCutStore, engineOn, rules } from '../../../support/engine/stores.js'

const of = (userId: string) => ({ appId: 'app', userId })

const addDevice = async (engine: Engine, userId: string): Promise<void> => {
  await engine.saveUser(of(userId), {})
  assert.ok(await saveDevice(engine, of(userId)))
}

let sent = 0
const send = (engine: Engine, to: string, pushAfter: number) =>
  engine.send({ appId: 'app', id: `${++sent}`, from: null, to, body: 'Hello' }, { ...rules, pushAfter })

/**
 * Advances the clock. The engine's timer looks at the clock when it fires. If the timer was set before, it fires only when the real time has
 * passed, too.
 */
const advance = async (engine: Engine, milliseconds: number): Promise<void> => {
  advanceClock(milliseconds)
  await send(engine, 'gone', 1)
  await engine.deleteUser(of('gone'))
}

const configure = (engine: Engine) => engine.configure('app', { retention: rules.retention, webhooks: null })

void describe('what is due to devices', () => {
  // The engine's timers let a process end, and on a slow machine nothing else is left to wait for.
  const alive = setInterval(() => undefined, 1_000)
  after(() => clearInterval(alive))

  void it('is told again if there was no answer for half a minute', async () => {
    const engine = await engineOn(new MemoryStore())
    await configure(engine)
    await addDevice(engine, 'bob')
    const first = nextEvents(engine, 'push-due')
    await send(engine, 'bob', 1)
    await first
    const again = nextEvents(engine, 'push-due', 2)
    await advance(engine, 31_000)
    await addDevice(engine, 'cy')
    await send(engine, 'cy', 1)
    assert.deepEqual((await again).map(({ user }) => user.userId).sort(), ['bob', 'cy'])
    await engine.close()
  })

  // Who waits for the leases of the run before waits for half a minute.
  const atOnce = { timeout: 20_000 }
  void it('is told at once after a crash, once to each user, and never without devices', atOnce, async () => {
    const { store, kept } = createPowerCutStore()
    const before = await engineOn(store)
    await configure(before)
    const users = Array.from({ length: 100 }, (_, n) => `user ${n}`)
    await Promise.all(users.map((userId) => addDevice(before, userId)))
    const told = nextEvents(before, 'push-due', 100)
    await Promise.all(users.map((userId) => send(before, userId, 1)))
    await told
    const [device] = await before.pushDevices(of('user 7'))
    assert.ok(device && (await before.endPushDevice(of('user 7'), device.id)))

    const after = await engineOn(kept)
    // The clock moves on, so that the rows of this run come behind those of the run before. The first look reads them, too.
    advanceClock(1_000)
    const due: string[] = []
    after.listen((event) => {
      if (event.type === 'push-due') due.push(event.user.userId)
    }, new AbortController().signal)
    const all = nextEvents(after, 'push-due', 99)
    await configure(after)
    await all
    // What is told by now would be told twice: the user of this message comes last.
    const last = nextEvents(after, 'push-due')
    await addDevice(after, 'zoe')
    await send(after, 'zoe', 1)
    await last
    assert.deepEqual(due.sort(), [...users.filter((userId) => userId !== 'user 7'), 'zoe'].sort())
    await Promise.all([before.close(), after.close()])
  })

  void it('waits for the rest of its time after a crash, whatever comes meanwhile', async () => {
    const { store, kept } = createPowerCutStore()
    const before = await engineOn(store)
    await configure(before)
    await addDevice(before, 'bob')
    await send(before, 'bob', 5_000)

    const after = await engineOn(kept)
    const due: string[] = []
    after.listen((event) => {
      if (event.type === 'push-due') due.push(event.user.userId)
    }, new AbortController().signal)
    // The engine has looked at what was left when this one comes.
    const first = nextEvents(after, 'push-due')
    await addDevice(after, 'cy')
    await configure(after)
    await send(after, 'cy', 1)
    await first
    assert.deepEqual(due, ['cy'])
    await send(after, 'bob', 600_000)
    const others = nextEvents(after, 'push-due', 2)
    await advance(after, 6_000)
    await addDevice(after, 'dan')
    await send(after, 'dan', 1)
    await others
    assert.ok(due.includes('bob'))
    await Promise.all([before.close(), after.close()])
  })

  void it('is not told if a page is sent the message while what is due is read', async () => {
    const store = new MemoryStore()
    const { gte } = rows.pushes.all('app')
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const reading = new Promise<void>((resolve) => {
      store.iterator = (range) => {
        const found = MemoryStore.prototype.iterator.call(store, range).all()
        const hold = async (): Promise<[string, string][]> => {
          resolve()
          await released
          return found
        }
        return { all: () => (range.gte === gte ? hold() : found) }
      }
    })
    const engine = await engineOn(store)
    await addDevice(engine, 'bob')
    await send(engine, 'bob', 60_000)
    await configure(engine)
    await reading
    await engine.seenOnPage(of('bob'), 1)
    release()
    const first = nextEvents(engine, 'push-due')
    await advance(engine, 61_000)
    await addDevice(engine, 'cy')
    await send(engine, 'cy', 1)
    assert.equal((await first)[0]?.user.userId, 'cy')
    await engine.close()
  })

  void it('is told in time although the engine has looked at many other users since, and a later message came', async () => {
    const engine = await engineOn(new MemoryStore())
    await configure(engine)
    await addDevice(engine, 'bob')
    await send(engine, 'bob', 5_000)
    for (let n = 0; n <= 10_000; n++) await engine.pushDevices(of(`user ${n}`))
    await send(engine, 'bob', 600_000)
    const due = nextEvents(engine, 'push-due', 2)
    await advance(engine, 6_000)
    await addDevice(engine, 'cy')
    await send(engine, 'cy', 1)
    assert.deepEqual((await due).map(({ user }) => user.userId).sort(), ['bob', 'cy'])
    await engine.close()
  })

  void it('is told of a user who has a device again', async () => {
    const engine = await engineOn(new MemoryStore())
    await configure(engine)
    await addDevice(engine, 'bob')
    await send(engine, 'bob', 1)
    const [device] = await engine.pushDevices(of('bob'))
    await engine.endPushDevice(of('bob'), device?.id ?? '')
    // When this one comes, the time of the message above has passed.
    const other = nextEvents(engine, 'push-due')
    await addDevice(engine, 'cy')
    await send(engine, 'cy', 50)
    assert.equal((await other)[0]?.user.userId, 'cy')
    const again = nextEvents(engine, 'push-due')
    await addDevice(engine, 'bob')
    await send(engine, 'bob', 1)
    assert.equal((await again)[0]?.user.userId, 'bob')
    await engine.close()
  })
})
