// Redis stores as much about tokens, devices and adopted guests as the engine needs, and no longer than the engine needs it.
import { withServer, type SimulatedNode } from '../../support/redis/simulated/nodes.js'
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine, SessionRequest, UserRef } from '../../../src/engine/index.js'
import { ConnectionFailure, unavailable } from '../../../src/engine/redis/client/failures.js'
import {
  ada,
  app,
  bob,
  bodies,
  deliver,
  isUnavailable,
  request,
  rules,
  saveGuest,
  startSession,
} from '../../../src/engine/suite/kit.js'
import { adopt, saveDevice } from '../../support/engine/calls.js'
import { lossy, type Hook } from '../../support/redis/hooked-client.js'
import type { SimulatedServer } from '../../support/redis/simulated/server.js'
import { until } from '../../support/until.js'

const DAY = 86_400_000

interface Given extends SimulatedNode {
  server: SimulatedServer
  /** The names of the keys of the kind. */
  keys: () => string[]
  /** Waits until there are this many. */
  left: (count: number) => Promise<void>
  /** What becomes of the calls of scripts. */
  losses: Map<string, 'request' | 'reply'>
  /** Called once before the next call of this script. */
  once: (script: string, hook: () => Promise<unknown>) => void
  clock: { shift: number }
}

/** Runs `body` with an engine, and with the keys of one kind. */
const on = (kind: string, what: string, body: (given: Given) => Promise<void>): void =>
  void it(what, () =>
    withServer(async (server, open) => {
      const keys = (): string[] => server.keys('').filter((key) => key.includes(`}:${kind}:`))
      const losses: Given['losses'] = new Map()
      const hooks = new Map<string, () => Promise<unknown>>()
      const clock = { shift: 0 }
      const before: Hook = (name) => {
        const hook = hooks.get(name)
        hooks.delete(name)
        return hook?.()
      }
      const node = await open({ before, clockShift: () => clock.shift })
      lossy(node.client, (name) => losses.get(name))
      const left = (count: number): Promise<void> => until(`${count} keys`, () => keys().length, count)
      const once: Given['once'] = (script, hook) => void hooks.set(script, hook)
      await body(Object.assign(node, { server, keys, left, losses, once, clock }))
    }),
  )

const withToken = (tokenId: string, more: Partial<SessionRequest> = {}): SessionRequest =>
  request(ada, {
    credential: { authMethod: 'token', tokenId, issuedAt: Date.now(), expiresAt: null },
    ...more,
  })

on('token', 'keeps nothing of the tokens of guests who start and end', async ({ engine, keys, left }) => {
  for (let n = 0; n < 30; n++) {
    const userId = `guest ${n}`
    await saveGuest(engine, { appId: app, userId }, {}, 1_000)
    const session = await startSession(engine, withToken(`token ${n}`, { userId, guest: true }))
    assert.ok(keys().length > 0)
    await engine.endSession(session, 'ended')
  }
  await left(0)
})

on(
  'token',
  'keeps nothing of tokens that a session had before, nor of a start that was refused',
  async ({ engine, left }) => {
    const session = await startSession(engine, withToken('first', { keyHash: 'key' }))
    const second = withToken('second', { resumes: 'key' })
    await startSession(engine, second)
    await left(1)
    for (const connectionId of [second.connectionId, 'another connection']) {
      const { credential } = withToken(`of ${connectionId}`)
      assert.equal(await engine.renewSession(session, connectionId, credential), true)
    }
    await left(1)
    await engine.detachSession(session, second.connectionId, 0)
    await left(0)
    await engine.revokeUser(ada, { issuedBefore: Date.now() + DAY, mode: 'end' })
    assert.equal(await engine.startSession(withToken('refused')), null)
    await left(0)
  },
)

on(
  'token',
  'keeps nothing of the tokens of renewals that did not come to Redis, because one master is away',
  async ({ engine, once, left }) => {
    const started = withToken('started')
    const session = await startSession(engine, started)
    const { credential } = withToken('renewed')
    for (let n = 0; n < 3; n++) {
      once('renewSession', () =>
        Promise.reject(unavailable('renewSession', new ConnectionFailure('no connection'))),
      )
      await assert.rejects(engine.renewSession(session, started.connectionId, credential), isUnavailable)
    }
    await left(1)
    assert.equal(await engine.renewSession(session, started.connectionId, credential), true)
    await engine.revokeToken(app, 'renewed')
    assert.deepEqual(await engine.sessions(ada), [])
  },
)

on(
  'token',
  'keeps nothing of the tokens of starts and renewals whose first reply was lost',
  async ({ engine, losses, left }) => {
    const started = request(ada, { credential: { ...withToken('').credential, tokenId: null } })
    const session = await startSession(engine, started)
    losses.set('useToken', 'reply')
    await assert.rejects(engine.startSession(withToken('lost')), isUnavailable)
    const { credential } = withToken('lost too')
    await assert.rejects(engine.renewSession(session, started.connectionId, credential), isUnavailable)
    await left(0)
  },
)

on(
  'token',
  'ends the session that still stands on a token, though another one of it has ended',
  async ({ engine, server, keys }) => {
    const [one, two] = [
      await startSession(engine, withToken('shared')),
      await startSession(engine, withToken('shared')),
    ]
    await engine.endSession(one, 'ended')
    // The note of the session that has ended is gone. That of the other one is there, beside the time when the token expires.
    await until('one note', () => server.command('HLEN', keys()[0] ?? ''), 2)
    await engine.revokeToken(app, 'shared')
    assert.deepEqual(await engine.sessions(ada), [])
    assert.equal(await engine.endSession(two, 'ended'), false)
    assert.equal(await engine.startSession(withToken('shared')), null)
  },
)

on(
  'token',
  'keeps the revocation of a token that nobody has shown for 400 days, and of one that never expires for ever',
  async ({ engine, server, keys }) => {
    const expiryOf = (key = ''): number => Number(server.command('PTTL', key))
    await engine.revokeToken(app, 'unseen')
    const [unseen] = keys()
    assert.ok(expiryOf(unseen) > 399 * DAY && expiryOf(unseen) <= 400 * DAY)
    await startSession(engine, withToken('endless'))
    for (let n = 0; n < 2; n++) {
      await engine.revokeToken(app, 'endless')
      assert.equal(expiryOf(keys().find((key) => key !== unseen)), -1)
      assert.equal(await engine.startSession(withToken('endless')), null)
    }
    // By this list a transfer finds the token.
    const lists = server.keys('').filter((key) => key.includes('}:tokens:'))
    assert.ok(lists.some((list) => server.command('ZSCORE', list, 'endless') === 'inf'))
  },
)

const addDevice = async (engine: Engine, of: UserRef, name = 'one'): Promise<void> =>
  assert.ok(await saveDevice(engine, of, `${of.userId}/${name}`))

on('device', 'forgets the devices of a user that make room for newer ones', async ({ engine, left }) => {
  await engine.saveUser(bob, {})
  for (let n = 0; n < 30; n++) await addDevice(engine, bob, `${n}`)
  await left(10)
  assert.equal((await engine.pushDevices(bob)).length, 10)
})

const guest = { appId: app, userId: 'guest:1' }
const removals: Record<string, (engine: Engine) => Promise<unknown>> = {
  'a guest who ends': async (engine) =>
    engine.endSession(await startSession(engine, request(guest, { guest: true })), 'ended'),
  'an adopted guest': (engine) => adopt(engine, ada, guest.userId),
  'a deleted user': (engine) => engine.deleteUser(guest),
}
for (const [what, remove] of Object.entries(removals))
  on('device', `forgets the device of ${what}`, async ({ engine, left }) => {
    await engine.saveUser(ada, {})
    await saveGuest(engine, guest)
    await addDevice(engine, guest)
    await left(1)
    await remove(engine)
    await left(0)
  })

for (const [what, script] of [
  ['while its end still runs', 'ownPush'],
  ['while its end runs between the two steps of the save', 'writePush'],
] as const)
  on('device', `keeps a device that is saved again ${what}`, async ({ engine, once, left }) => {
    await engine.saveUser(bob, {})
    await addDevice(engine, bob)
    const [device] = await engine.pushDevices(bob)
    const end = async (): Promise<void> =>
      assert.equal(await engine.endPushDevice(bob, device?.id ?? ''), true)
    let isBetween = false
    const between = async (work: () => Promise<void>): Promise<void> => {
      await work()
      isBetween = true
    }
    if (script === 'ownPush') {
      // The end removes the device of the user, and then the owner of the device.
      once('ownPush', () => between(() => addDevice(engine, bob)))
      await end()
    } else {
      once('writePush', () => between(end))
      await addDevice(engine, bob)
    }
    assert.ok(isBetween)
    assert.equal((await engine.pushDevices(bob)).length, 1)
    await left(1)
  })

on(
  'device',
  'forgets the device of a user who is deleted between the two steps of the save',
  async ({ engine, once, left }) => {
    await engine.saveUser(bob, {})
    once('writePush', () => engine.deleteUser(bob))
    assert.equal(await saveDevice(engine, bob), false)
    assert.equal(await engine.user(bob), null)
    await left(0)
  },
)

/** A guest gets messages, and the user adopts the guest. */
const adoptGuest = async (engine: Engine, messages = 1): Promise<void> => {
  await saveGuest(engine, guest)
  await engine.saveUser(ada, {})
  for (let n = 0; n < messages; n++) await deliver(engine, { from: null, to: guest.userId, body: `${n}` })
  assert.ok(await adopt(engine, ada, guest.userId))
}

const assertExpires = ({ server, keys }: Given): void => {
  assert.ok(keys().length > 0)
  for (const key of keys()) assert.ok(Number(server.command('PTTL', key)) > 0, key)
}

on('adopted', 'keeps nothing of an adopted guest once the adoption is forgotten', async (given) => {
  const { engine, server, clock } = given
  await adoptGuest(engine)
  const ofGuest = (): string[] => server.keys('').filter((key) => key.includes(guest.userId))
  assert.ok(ofGuest().length > 0)
  clock.shift = rules().retention.age + 1
  await until('no key is left', () => ofGuest().length, 0)
})

on('adopted', 'keeps nothing for ever of a guest, though the last step is lost', async (given) => {
  given.losses.set('endAdopted', 'request')
  await adoptGuest(given.engine)
  assert.equal((await bodies(given.engine, ada)).length, 1)
  assertExpires(given)
})

on('adopted', 'keeps nothing for ever of a guest whose user is deleted meanwhile', async (given) => {
  const { engine, once } = given
  once('dropAdopted', () => engine.deleteUser(ada))
  await adoptGuest(engine, 70)
  assert.equal(await engine.user(ada), null)
  assert.deepEqual(await bodies(engine, guest), [])
  assertExpires(given)
})
