import assert from 'node:assert/strict'
import type { Credential, Engine, PushSubscriptionData, UserRef } from '../engine.js'
import {
  ada,
  app,
  bob,
  credential,
  deliver,
  nextEvents,
  request,
  saveGuest,
  startSession,
  until,
  type SuiteContext,
} from './kit.js'
import { ask, pendingOf, untilPending } from './webhook-kit.js'

const DAY = 86_400_000

/** Milliseconds from a message to its `push-due` in these tests. */
const AFTER = 50

let counter = 0

/** Returns a subscription. Each call makes another endpoint and other keys. */
const device = (more: Partial<PushSubscriptionData> = {}): PushSubscriptionData => {
  counter++
  return {
    endpoint: `https://push.example.com/${counter}`,
    expirationTime: null,
    keys: { p256dh: `key ${counter}`, auth: `secret ${counter}` },
    ...more,
  }
}

const cy: UserRef = { appId: app, userId: 'cy' }

/** Saves Bob with a device, and resolves with the device's id. */
const withDevice = async (
  engine: Engine,
  subscription = device(),
  proof: Credential = credential(),
): Promise<string> => {
  await engine.saveUser(bob, {})
  assert.equal(await engine.savePushDevice(bob, subscription, proof), true)
  const [saved] = await engine.pushDevices(bob)
  assert.ok(saved)
  return saved.id
}

const idsOf = async (engine: Engine, of: UserRef): Promise<string[]> =>
  (await engine.pushDevices(of)).map(({ id }) => id)

/**
 * Waits for a `push-due` of Cy, and asserts that no `push-due` of Bob came before it. A `push-due` that was due earlier would have come.
 */
const nothingIsDue = async (engine: Engine, after = 2 * AFTER): Promise<void> => {
  await engine.saveUser(cy, {})
  await engine.savePushDevice(cy, device(), credential())
  const due = nextEvents(engine, 'push-due')
  await deliver(engine, { to: cy.userId }, { pushAfter: after })
  assert.deepEqual((await due)[0]?.user, cy)
}

/** A part of the suite: users' devices with push subscriptions, and when pushes are due. */
export const pushingSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('devices', () => {
    on('are those whose subscriptions were saved, the latest first', async (engine) => {
      await engine.saveUser(bob, {})
      assert.deepEqual(await engine.pushDevices(bob), [])
      await deliver(engine)
      const [first, second] = [device(), device({ expirationTime: Date.now() + DAY, pushKey: 'key' })]
      const proof = credential()
      assert.equal(await engine.savePushDevice(bob, first, proof), true)
      assert.equal(await engine.savePushDevice(bob, second, proof), true)
      const [newest, oldest] = await engine.pushDevices(bob)
      assert.ok(newest && oldest)
      const { id, createdAt, renewedAt, ...rest } = newest
      assert.match(id, /^[\w-]{16,64}$/)
      assert.ok(createdAt <= Date.now() && renewedAt === createdAt)
      assert.deepEqual(rest, {
        ...second,
        ...{ credential: proof, lastSuccessAt: null, offset: 1, failures: 0, retryAt: 0 },
      })
      assert.equal(oldest.endpoint, first.endpoint)
      assert.notEqual(oldest.id, id)
    })

    on('are renewed by their endpoint', async (engine) => {
      const subscription = device()
      const id = await withDevice(engine, subscription)
      await engine.savePushDevice(bob, device(), credential())
      await deliver(engine)
      const proof = credential()
      const keys = { p256dh: 'another key', auth: 'another secret' }
      assert.equal(await engine.savePushDevice(bob, { ...subscription, keys }, proof), true)
      const [renewed, ...others] = await engine.pushDevices(bob)
      assert.deepEqual(
        [renewed?.id, renewed?.keys, renewed?.credential, renewed?.offset, others.length],
        [id, keys, proof, 0, 1],
      )
    })

    on('beyond ten end, those that were renewed the longest time ago first', async (engine) => {
      const first = await withDevice(engine)
      for (let n = 0; n < 10; n++) await engine.savePushDevice(bob, device(), credential())
      const ids = await idsOf(engine, bob)
      assert.equal(ids.length, 10)
      assert.ok(!ids.includes(first))
    })

    on('move to another user only if the keys are the same', async (engine) => {
      const subscription = device()
      const id = await withDevice(engine, subscription)
      await engine.saveUser(ada, {})
      const stolen = { ...subscription, keys: { p256dh: 'guessed', auth: 'guessed' } }
      assert.equal(await engine.savePushDevice(ada, stolen, credential()), false)
      assert.deepEqual([await idsOf(engine, bob), await idsOf(engine, ada)], [[id], []])
      assert.equal(await engine.savePushDevice(ada, subscription, credential()), true)
      assert.deepEqual([await idsOf(engine, bob), await idsOf(engine, ada)], [[], [id]])
      assert.equal(await engine.savePushDevice({ ...bob, appId: 'another' }, stolen, credential()), false)
    })

    on('have one owner when two users save them at once', async (engine) => {
      const subscription = device()
      await withDevice(engine, subscription)
      await engine.saveUser(ada, {})
      await Promise.all(
        [ada, bob, ada, bob].map((of) => engine.savePushDevice(of, subscription, credential())),
      )
      const owners = [...(await idsOf(engine, ada)), ...(await idsOf(engine, bob))]
      assert.equal(owners.length, 1, 'it has one owner')
    })

    on('end by their id', async (engine) => {
      const subscription = device()
      const id = await withDevice(engine, subscription)
      assert.equal(await engine.endPushDevice(ada, id), false)
      assert.equal(await engine.endPushDevice(bob, id), true)
      assert.equal(await engine.endPushDevice(bob, id), false)
      await engine.saveUser(ada, {})
      const other = { ...subscription, keys: { p256dh: 'new', auth: 'new' } }
      assert.equal(await engine.savePushDevice(ada, other, credential()), true, 'it is nobody’s')
    })

    on('end at their expiration time, and if no session renews them', async (engine) => {
      const expiring = await withDevice(engine, device({ expirationTime: Date.now() + DAY }))
      const id = await withDevice(engine, device())
      assert.deepEqual(await idsOf(engine, bob), [id, expiring])
      const { now } = Date
      try {
        Date.now = () => now() + DAY
        assert.deepEqual(await idsOf(engine, bob), [id])
        Date.now = () => now() + 60 * DAY + 1_000
        assert.deepEqual(await engine.pushDevices(bob), [])
      } finally {
        Date.now = now
      }
    })

    on('end with their credential', async (engine) => {
      const proof = credential()
      await withDevice(engine, device(), proof)
      await engine.revokeToken(app, String(proof.tokenId))
      assert.deepEqual(await engine.pushDevices(bob), [])
      await withDevice(engine)
      await engine.revokeUser(bob, { issuedBefore: null, mode: 'end' })
      await engine.liftRevocation(bob)
      assert.deepEqual(await engine.pushDevices(bob), [], 'they do not come back')
      await withDevice(engine, device(), { ...credential(), issuedAt: Date.now() + 1 })
      await engine.revokeApp(app, { issuedBefore: Date.now() + 1, mode: 'end' })
      assert.deepEqual(await engine.pushDevices(bob), [])
    })

    on('end with their credential, even if its revocation is lifted at once', async (engine) => {
      await withDevice(engine)
      const [, isLifted] = await Promise.all([
        engine.revokeUser(bob, { issuedBefore: null, mode: 'end' }),
        engine.liftRevocation(bob),
      ])
      if (!isLifted) await engine.liftRevocation(bob)
      assert.deepEqual(await engine.pushDevices(bob), [])
    })

    on('stay when only their session ends', async (engine) => {
      const proof = credential()
      await engine.saveUser(bob, {})
      const session = await startSession(engine, request(bob, { credential: proof }))
      await withDevice(engine, device(), proof)
      await engine.endSession(session, 'revoked')
      assert.equal((await engine.pushDevices(bob)).length, 1)
    })

    on('end with their user, who must exist', async (engine) => {
      assert.equal(await engine.savePushDevice(bob, device(), credential()), false)
      const subscription = device()
      await withDevice(engine, subscription)
      await engine.deleteUser(bob)
      assert.deepEqual(await engine.pushDevices(bob), [])
      await engine.saveUser(bob, {})
      assert.deepEqual(await engine.pushDevices(bob), [])
      await engine.saveUser(ada, {})
      assert.equal(await engine.savePushDevice(ada, subscription, credential()), true)
    })

    on('of a guest end with the adoption', async (engine) => {
      const guest = { appId: app, userId: 'guest:1' }
      await saveGuest(engine, guest)
      await engine.savePushDevice(guest, device(), credential())
      const { user } = await engine.saveUser(ada, {})
      const retention = { messages: 100, bytes: 1e6, age: DAY }
      const { createdAt: userCreatedAt } = user
      const request = { ...ada, userCreatedAt, guestId: guest.userId, proof: null, retention }
      assert.ok(await engine.adoptGuest(request))
      assert.deepEqual(await engine.pushDevices(guest), [])
    })

    on(
      'of a guest whose last session ends are those of the user who saves them just then',
      async (engine) => {
        const guest = { appId: app, userId: 'guest:1' }
        await saveGuest(engine, guest)
        const session = await startSession(engine, request(guest, { guest: true }))
        const subscription = device()
        await engine.savePushDevice(guest, subscription, credential())
        await Promise.all([engine.saveUser(ada, {}), engine.saveUser(bob, {})])
        const [, isSaved] = await Promise.all([
          engine.endSession(session, 'ended'),
          engine.savePushDevice(ada, subscription, credential()),
        ])
        assert.ok(isSaved)
        await until('the guest is deleted', async () => (await engine.user(guest)) === null)
        assert.equal((await engine.pushDevices(ada)).length, 1)
        const stolen = { ...subscription, keys: { p256dh: 'guessed', auth: 'guessed' } }
        assert.equal(await engine.savePushDevice(bob, stolen, credential()), false)
        assert.equal(await engine.savePushDevice(bob, subscription, credential()), true)
        assert.deepEqual(await engine.pushDevices(ada), [])
      },
    )

    if (durable)
      on('survive a restart', async (engine) => {
        const subscription = device()
        const id = await withDevice(engine, subscription)
        await engine.saveUser(ada, {})
        await reopen(engine)
        assert.deepEqual(await idsOf(engine, bob), [id])
        const stolen = { ...subscription, keys: { p256dh: 'guessed', auth: 'guessed' } }
        assert.equal(await engine.savePushDevice(ada, stolen, credential()), false)
      })
  })

  describe('push-due', () => {
    on('comes after a message to a user with a device, once for several', async (engine) => {
      await ask(engine, [])
      await withDevice(engine)
      await engine.saveUser(cy, {})
      await engine.savePushDevice(cy, device(), credential())
      const due = nextEvents(engine, 'push-due', 2)
      const began = performance.now()
      await deliver(engine, {}, { pushAfter: AFTER })
      await deliver(engine, {}, { pushAfter: AFTER })
      await deliver(engine, { to: cy.userId }, { pushAfter: 2 * AFTER })
      const users = (await due).map(({ user }) => user.userId)
      assert.deepEqual(users.sort(), [bob.userId, cy.userId])
      assert.ok(performance.now() - began >= AFTER)
    })

    on('does not come without a device, for own messages, or where the rules want none', async (engine) => {
      await ask(engine, [])
      await engine.saveUser(ada, {})
      await deliver(engine, {}, { pushAfter: AFTER })
      await withDevice(engine)
      await deliver(engine)
      await deliver(engine, { from: bob.userId, to: ada.userId }, { pushAfter: AFTER })
      await deliver(engine, { from: bob.userId, to: bob.userId }, { pushAfter: AFTER })
      await nothingIsDue(engine)
    })

    on('does not come if the message was sent to a page', async (engine) => {
      await ask(engine, [])
      await withDevice(engine)
      // `pushAfter` is long, because on a slow disk `deliver` resolves late, and `seenOnPage` is called only then.
      await deliver(engine, {}, { pushAfter: 20 * AFTER })
      await engine.seenOnPage(bob, 1)
      assert.deepEqual(
        (await engine.pushDevices(bob)).map(({ offset }) => offset),
        [1],
      )
      await nothingIsDue(engine, 22 * AFTER)
      await engine.seenOnPage(ada, 1)
    })

    on('comes if only an earlier message was sent to a page', async (engine) => {
      await ask(engine, [])
      await withDevice(engine)
      const due = nextEvents(engine, 'push-due')
      await deliver(engine, {}, { pushAfter: AFTER })
      await deliver(engine, {}, { pushAfter: AFTER })
      await engine.seenOnPage(bob, 1)
      await due
    })

    on('comes again when the answer says so, and not after the answer that all is done', async (engine) => {
      await ask(engine, [])
      const id = await withDevice(engine)
      const first = nextEvents(engine, 'push-due')
      await deliver(engine, {}, { pushAfter: AFTER })
      await first
      const again = nextEvents(engine, 'push-due')
      await engine.endPushes(bob, [{ id, result: 'failed', retryIn: 1_000 }], 1, AFTER)
      const [failed] = await engine.pushDevices(bob)
      assert.ok(failed?.failures === 1 && failed.offset === 0 && failed.lastSuccessAt === null)
      assert.ok(Math.abs(failed.retryAt - Date.now() - 1_000) < 900)
      await again
      await engine.endPushes(bob, [{ id, result: 'delivered', offset: 1 }], 1, null)
      const [done] = await engine.pushDevices(bob)
      assert.ok(done?.failures === 0 && done.retryAt === 0 && done.offset === 1 && done.lastSuccessAt)
      await nothingIsDue(engine)
    })

    on('comes for a message that came while pushes were sent', async (engine) => {
      await ask(engine, [])
      const id = await withDevice(engine)
      const first = nextEvents(engine, 'push-due')
      await deliver(engine, {}, { pushAfter: AFTER })
      await first
      const second = nextEvents(engine, 'push-due')
      await deliver(engine, {}, { pushAfter: AFTER })
      await engine.endPushes(bob, [{ id, result: 'delivered', offset: 1 }], 1, null)
      await second
    })

    if (durable)
      on('comes after a restart too', async (engine) => {
        await ask(engine, [])
        await withDevice(engine)
        await deliver(engine, {}, { pushAfter: 1_000 })
        await reopen(engine)
        const due = nextEvents(engine, 'push-due')
        await ask(engine, [])
        await due
      })
  })

  describe('the answer to push-due', () => {
    on('ends devices, and reports what failed', async (engine) => {
      await ask(engine, ['push.failed'])
      const id = await withDevice(engine)
      const report = { host: 'push.example.com', status: 410, error: 'The answer has the status 410.' }
      await engine.endPushes(bob, [{ id, result: 'gone', report }], 0, null)
      assert.deepEqual(await engine.pushDevices(bob), [])
      const { event } = await untilPending(engine, bob, 'push.failed')
      const { id: reported, host, status, error } = event.data
      assert.deepEqual([reported, host, status, error], [id, ...Object.values(report)])
      await engine.endPushes(bob, [{ id, result: 'gone', report }], 0, null)
      await engine.endPushes(ada, [{ id, result: 'gone', report }], 0, null)
      assert.equal((await pendingOf(engine, bob)).length, 1)
    })

    on('counts failures from 0 on after a push that was given up', async (engine) => {
      const id = await withDevice(engine)
      await deliver(engine)
      await engine.endPushes(bob, [{ id, result: 'failed', retryIn: 1 }], 1, null)
      await engine.endPushes(bob, [{ id, result: 'given-up', offset: 1 }], 1, null)
      const [given] = await engine.pushDevices(bob)
      assert.deepEqual([given?.failures, given?.offset, given?.lastSuccessAt], [0, 1, null])
      await engine.endPushes(bob, [{ id, offset: 0 }], 1, null)
      assert.equal((await engine.pushDevices(bob))[0]?.offset, 1, 'an offset does not go back')
    })
  })

  describe('unreadSenders', () => {
    on('returns the newest unread message of each sender', async (engine) => {
      await engine.saveUser(bob, {})
      const from = (sender: string | null) => deliver(engine, { from: sender, body: sender ?? 'backend' })
      for (const sender of ['ada', 'cy', null, 'ada', 'dan']) await from(sender)
      await deliver(engine, { from: bob.userId, to: ada.userId })
      const offsets = async (after: number, limit: number) =>
        (await engine.unreadSenders(bob, after, limit)).messages.map(({ offset, from }) => [offset, from])
      const all = [
        [2, 'cy'],
        [3, null],
        [4, 'ada'],
        [5, 'dan'],
      ]
      assert.deepEqual(await offsets(0, 10), all)
      assert.deepEqual(await offsets(0, 2), all.slice(0, 2))
      assert.deepEqual(await offsets(4, 10), all.slice(3))
      assert.deepEqual(await offsets(99, 10), all, 'the offset is of an earlier epoch')
      const { epoch } = await engine.inbox(bob)
      await engine.markPeerRead(bob, 'ada', { epoch, offset: 6 })
      assert.deepEqual(await offsets(0, 10), [all[0], all[1], all[3]])
      await engine.markRead(bob, { epoch, offset: 3 })
      assert.deepEqual(await offsets(0, 10), [all[3]])
      const { inbox } = await engine.unreadSenders(bob, 6, 10)
      assert.deepEqual([inbox.unread, inbox.offset, inbox.epoch], [1, 6, epoch])
    })

    on('returns the trace of a message, which is no part of its content', async (engine) => {
      await engine.saveUser(bob, {})
      await engine.savePushDevice(bob, device(), credential())
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      await deliver(engine, { from: 'ada', traceparent }, { pushAfter: DAY })
      await deliver(engine, { from: 'cy' }, { pushAfter: DAY })
      const { messages } = await engine.unreadSenders(bob, 0, 10)
      assert.deepEqual(
        messages.map((message) => message.traceparent),
        [traceparent, undefined],
      )
      const { epoch } = await engine.inbox(bob)
      const page = await engine.messagesAfter(bob, { epoch, offset: 0 }, 10)
      assert.ok(page.messages.every((message) => !('traceparent' in message)))
    })

    on(
      'returns a message with half a surrogate pair and with data like those of an adopted one',
      async (engine) => {
        await engine.saveUser(bob, {})
        await deliver(engine, { from: 'ada', body: '\ud83d', data: { adopted: true } })
        const { messages } = await engine.unreadSenders(bob, 0, 10)
        assert.deepEqual(
          messages.map(({ body }) => body),
          ['\ud83d'],
        )
      },
    )

    on('reads an inbox of many messages', async (engine) => {
      await engine.saveUser(bob, {})
      for (let n = 0; n < 300; n++) await deliver(engine, { from: `user ${n % 7}` })
      const { messages } = await engine.unreadSenders(bob, 0, 10)
      assert.deepEqual(
        messages.map(({ offset }) => offset),
        [294, 295, 296, 297, 298, 299, 300],
      )
    })
  })
}
