import assert from 'node:assert/strict'
import type { CheckedMessage, Engine, Retention, SendResult } from '../../engine.js'
import { ada, app, bob, deliver, newMessage, rules, saveGuest, until, type SuiteContext } from '../kit.js'

const HOUR = 3_600_000
const body = 'x'.repeat(1_000)
/** Bytes for 7 to 9 messages with this `body`. */
const BYTES_PER_SENDER = 10_000
const quota = { inboxes: 1_000, bytes: 1e9, bytesPerSender: BYTES_PER_SENDER }
const retaining = (retention: Partial<Retention> = {}) => ({
  quota,
  retention: { messages: 1_000, age: HOUR, bytes: 1e9, ...retention },
})

/** Sends messages to the recipients in turn until a message is refused. Resolves with how many messages were stored. */
const fill = async (engine: Engine, recipients: readonly string[]): Promise<number> => {
  for (let stored = 0; stored < 50; stored++) {
    const to = recipients[stored % recipients.length] ?? ''
    const { outcome } = await engine.send(newMessage({ to, body }), rules(retaining()))
    if (outcome === 'over-share') return stored
    assert.equal(outcome, 'stored')
  }
  return 50
}

/** A part of the suite: the share of an app's bytes that one sender's messages may take in the inboxes of others. */
export const senderShareSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe("a sender's share of the app's bytes", () => {
    const send = async (engine: Engine, more: Partial<CheckedMessage> = {}): Promise<SendResult['outcome']> =>
      (await engine.send(newMessage({ body, ...more }), rules(retaining()))).outcome

    on('holds for the inboxes of all others together, and only for this sender', async (engine) => {
      const stored = await fill(engine, ['bob', 'cy', 'di', 'ed', 'fay'])
      assert.ok(stored >= 7 && stored <= 9, `${stored} were stored`)
      for (const to of ['bob', 'cy', 'new']) assert.equal(await send(engine, { to }), 'over-share')
      assert.equal(await engine.user({ appId: app, userId: 'new' }), null)
      await deliver(engine, { to: 'ada', body }, { quota })
      await deliver(engine, { from: 'cy', body }, { quota })
      await deliver(engine, { from: null, body }, { quota })
      await deliver(engine, { appId: 'app2', body }, { quota })
    })

    on('is the same for many sends at once', async (engine) => {
      const sent = await Promise.all(Array.from({ length: 40 }, (_, n) => send(engine, { to: `user ${n}` })))
      const stored = sent.filter((outcome) => outcome === 'stored').length
      assert.ok(stored >= 7 && stored <= 9, `${stored} were stored`)
      assert.ok(sent.every((outcome) => outcome === 'stored' || outcome === 'over-share'))
    })

    on('counts messages to others whose own copies are gone', async (engine) => {
      await fill(engine, ['bob', 'cy', 'di'])
      for (let n = 0; n < 20; n++)
        await deliver(engine, { from: null, to: 'ada' }, retaining({ messages: 2 }))
      assert.equal(await send(engine), 'over-share')
    })

    on('does not bind the backend, whose messages in the name of a user count', async (engine) => {
      const inTheName = { quota: { ...quota, bytesPerSender: undefined } }
      for (let n = 0; n < 12; n++) await deliver(engine, { body }, inTheName)
      assert.equal(await send(engine, { to: 'cy' }), 'over-share')
      await deliver(engine, { body }, inTheName)
    })

    on('answers a retry as before', async (engine) => {
      const message = newMessage({ body })
      const sent = await engine.send(message, rules(retaining()))
      await fill(engine, ['bob', 'cy'])
      assert.deepEqual(await engine.send(message, rules(retaining())), { ...sent, outcome: 'repeated' })
    })

    on("is exact for a message that fits only after the sender's own inbox was trimmed", async (engine) => {
      for (let n = 0; n < 10; n++) await deliver(engine, { from: null, to: 'ada', body }, { quota })
      const { retention } = retaining({ messages: 2 })
      await deliver(engine, { body }, { retention, quota: { ...quota, bytes: 10_000 } })
    })

    on('lets a sender push out their own messages', async (engine) => {
      for (let n = 0; n < 300; n++) {
        await deliver(engine, { body }, retaining({ messages: 7 }))
        await deliver(engine, { from: 'cy', to: 'di', body }, retaining({ bytes: 8_000 }))
      }
      assert.ok((await fill(engine, ['di'])) <= 2)
    })

    on('grows again when retention deletes messages', async (engine) => {
      await fill(engine, ['bob', 'cy', 'di'])
      // Afterwards these inboxes retain no message from Ada.
      for (const to of ['bob', 'cy', 'di'])
        for (let n = 0; n < 70; n++) await deliver(engine, { from: null, to }, retaining({ messages: 1 }))
      await until('the share is free', async () => (await send(engine)) === 'stored')
      const stored = await fill(engine, ['bob', 'cy', 'di'])
      assert.ok(stored >= 5 && stored <= 9, `${stored} were stored`)
    })

    on('grows again when messages expire', async (engine) => {
      await fill(engine, ['bob', 'cy', 'di'])
      await engine.configure(app, { retention: { messages: 100, age: 20, bytes: 1e9 }, webhooks: null })
      const under = retaining({ age: 20 })
      const isStored = async (): Promise<boolean> =>
        (await engine.send(newMessage({ to: 'ed', body }), rules(under))).outcome === 'stored'
      for (let n = 0; n < 3; n++) await until('the share is free', isStored)
    })

    on('grows again when a recipient is deleted', async (engine) => {
      const stored = await fill(engine, ['bob'])
      await fill(engine, ['cy'])
      await engine.deleteUser(bob)
      await until('the share is free', async () => (await send(engine, { to: 'cy' })) === 'stored')
      // The ids of the users differ in length, so the stored messages differ in size, and one message fewer may fit.
      const again = await fill(engine, ['cy', 'di'])
      assert.ok(again >= stored - 1 && again <= stored, `${again} were stored`)
    })

    on('grows again with the deletion of an inbox of many messages', async (engine) => {
      const wide = { quota: { ...quota, bytesPerSender: 1_000_000 } }
      for (let n = 0; n < 300; n++) await deliver(engine, { from: n % 3 === 0 ? 'ada' : 'cy' }, wide)
      await fill(engine, ['di'])
      assert.equal(await engine.deleteUser(bob), true)
      assert.deepEqual((await engine.inbox(bob)).offset, 0)
      for (const from of ['ada', 'cy'])
        await until('the share is free', async () => (await send(engine, { from, to: 'di' })) === 'stored')
      assert.equal((await engine.inbox(ada)).offset > 100, true)
    })

    on('counts a message that a user adopts from a guest until it is deleted', async (engine) => {
      const guest = { appId: app, userId: 'guest:~visitor' }
      await saveGuest(engine, guest)
      const { user } = await engine.saveUser(bob, {})
      const stored = await fill(engine, [guest.userId])
      const { epoch } = await engine.inbox(guest)
      await engine.markRead(guest, { epoch, offset: 3 })
      const { retention } = retaining()
      const asked = { ...bob, userCreatedAt: user.createdAt, guestId: guest.userId, proof: null, retention }
      assert.equal((await engine.adoptGuest(asked))?.messages, stored)
      await until('the messages have moved', async () => (await engine.inbox(bob)).offset === stored)
      assert.equal(await send(engine, { to: 'cy' }), 'over-share')
      await engine.deleteUser(bob)
      await until('the share is free', async () => (await send(engine, { to: 'cy' })) === 'stored')
      // The ids of the users differ in length, so the stored messages differ in size, and one message fewer may fit.
      const again = await fill(engine, ['cy', 'di'])
      assert.ok(again >= stored - 1 && again <= stored, `${again} were stored`)
    })

    if (!durable) return
    on('is the same when the engine is opened again', async (engine) => {
      const stored = await fill(engine, ['bob', 'cy', 'di'])
      await reopen(engine)
      assert.equal(await send(engine), 'over-share')
      await engine.deleteUser(bob)
      await reopen(engine)
      await until('the share is free', async () => (await send(engine, { to: 'cy' })) === 'stored')
      assert.ok((await fill(engine, ['cy', 'di'])) < stored)
    })
  })
}
