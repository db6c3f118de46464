import assert from 'node:assert/strict'
import type { Engine, UserRef } from '../../engine.js'
import {
  advanceClock,
  app,
  bob,
  bodies,
  deliver,
  newMessage,
  request,
  rules,
  until,
  type SuiteContext,
  startSession,
  saveGuest,
} from '../kit.js'

const guest = (name: string): UserRef => ({ appId: app, userId: `guest:${name}` })

/** Saves a guest and starts a session. */
const enter = async (engine: Engine, of: UserRef) => {
  assert.ok(await saveGuest(engine, of, { claimed: { name: of.userId } }, 3))
  const sessionRequest = request(of, { guest: true })
  return { session: await startSession(engine, sessionRequest), connectionId: sessionRequest.connectionId }
}

const untilDeleted = (engine: Engine, of: UserRef): Promise<void> =>
  until(`${of.userId} is deleted`, async () => (await engine.user(of)) === null)

/** A part of the suite: guests leave nothing, and an app has a limited number of them. */
export const guestsSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('guests', () => {
    on('are saved like users, and are deleted when the last session ends', async (engine) => {
      const [one, two] = [await enter(engine, guest('a')), await enter(engine, guest('a'))]
      await engine.endSession(one.session, 'ended')
      assert.equal((await engine.user(guest('a')))?.claimed.name, 'guest:a')
      await engine.endSession(two.session, 'ended')
      await untilDeleted(engine, guest('a'))
      const again = await saveGuest(engine, guest('a'), {}, 3)
      assert.ok(again?.created)
      assert.deepEqual(again.user.claimed, {})
    })

    on('are deleted when their resume window is over', async (engine) => {
      const { session, connectionId } = await enter(engine, guest('a'))
      await engine.detachSession(session, connectionId, 20)
      await untilDeleted(engine, guest('a'))
    })

    on('start again when their session is over and their messages have expired', async (engine) => {
      const { session, connectionId } = await enter(engine, guest('a'))
      const retention = { ...rules().retention, age: 1_000 }
      await engine.configure(app, { retention, webhooks: null })
      await deliver(engine, { from: null, to: guest('a').userId }, { retention })
      advanceClock(retention.age)
      await until('the message has expired', async () => (await engine.usage(app)).bytes === 0)
      await engine.detachSession(session, connectionId, 20_000)
      // The start ends the former session itself, before a sweep does.
      advanceClock(20_000)
      const next = await startSession(engine, request(guest('a'), { guest: true }))
      await engine.endSession(next, 'ended')
      await untilDeleted(engine, guest('a'))
    })

    on('are kept for a start that is on its way when their only session ends', async (engine) => {
      const { session } = await enter(engine, guest('a'))
      const saved = await saveGuest(engine, guest('a'), {}, 3)
      assert.ok(saved && !saved.created)
      await engine.endSession(session, 'ended')
      const userCreatedAt = saved.user.createdAt
      const next = await startSession(engine, request(guest('a'), { guest: true, userCreatedAt }))
      assert.equal((await engine.user(guest('a')))?.createdAt, userCreatedAt)
      await engine.endSession(next, 'ended')
      await untilDeleted(engine, guest('a'))
    })

    on('are kept if they have sent or received a message', async (engine) => {
      const [sender, receiver, other] = [
        await enter(engine, guest('sender')),
        await enter(engine, guest('receiver')),
        await enter(engine, guest('other')),
      ]
      await deliver(engine, { from: 'guest:sender' })
      await deliver(engine, { to: 'guest:receiver' })
      for (const { session } of [sender, receiver, other]) await engine.endSession(session, 'ended')
      await untilDeleted(engine, guest('other'))
      assert.ok(await engine.user(guest('sender')))
      assert.ok(await engine.user(guest('receiver')))
    })

    on('are deleted when retention deletes their last message, and make room', async (engine) => {
      const [gone, here] = [await enter(engine, guest('gone')), await enter(engine, guest('here'))]
      await deliver(engine, { to: 'guest:gone' })
      await deliver(engine, { to: 'guest:here' })
      await engine.endSession(gone.session, 'ended')
      if (durable) await reopen(engine)
      assert.ok(await engine.user(guest('gone')))
      await engine.configure(app, { retention: { messages: 100, age: 20, bytes: 1e9 }, webhooks: null })
      await untilDeleted(engine, guest('gone'))
      assert.ok(await engine.user(guest('here')), 'a guest with a session stays')
      assert.ok(await saveGuest(engine, guest('new'), {}, 2))
      const [session] = await engine.sessions(here.session)
      await engine.endSession(session ?? here.session, 'ended')
      await untilDeleted(engine, guest('here'))
    })

    on('are deleted with their inbox, which makes room for another inbox', async (engine) => {
      const [early, late] = [await enter(engine, guest('early')), await enter(engine, guest('late'))]
      const quota = { inboxes: 2, bytes: 1e6 }
      const send = async (userId: string) =>
        (await engine.send(newMessage({ from: null, to: userId }), rules({ quota }))).outcome
      for (const name of ['early', 'late']) assert.equal(await send(`guest:${name}`), 'stored')
      const { epoch } = await engine.inbox(guest('early'))
      await engine.endSession(early.session, 'ended')
      await engine.saveUser(bob, {})
      assert.equal(await send('bob'), 'full')
      await engine.configure(app, { retention: { messages: 100, age: 20, bytes: 1e9 }, webhooks: null })
      await untilDeleted(engine, guest('early'))
      await until('no message is left', async () => (await engine.usage(app)).bytes === 0)
      assert.equal((await engine.usage(app)).inboxes, 1, 'a guest with a session keeps the inbox')
      await engine.endSession(late.session, 'ended')
      await untilDeleted(engine, guest('late'))
      if (durable) await reopen(engine)
      assert.deepEqual(await engine.usage(app), { users: 1, guests: 0, inboxes: 0, bytes: 0, sessions: 0 })
      assert.equal(await send('bob'), 'stored')
      const again = await enter(engine, guest('early'))
      assert.notEqual((await engine.inbox(guest('early'))).epoch, epoch)
      assert.equal((await deliver(engine, { to: 'guest:early' })).offset, 1)
      await engine.endSession(again.session, 'ended')
    })

    on('are kept by a message that comes when all others have expired', async (engine) => {
      const { session } = await enter(engine, guest('a'))
      const first = await deliver(engine, { to: 'guest:a', body: 'first' })
      await engine.endSession(session, 'ended')
      await until('it is old enough', () => Promise.resolve(Date.now() > first.sentAt + 20))
      const { retention } = rules()
      // Only the send uses the short age, so that no search for expired messages deletes `second`.
      const second = newMessage({ to: 'guest:a', body: 'second' })
      const [{ outcome }] = await Promise.all([
        engine.send(second, rules({ retention: { ...retention, age: 20 } })),
        engine.configure(app, { retention, webhooks: null }),
      ])
      // An engine may delete the guest before the message comes. Then nobody gets the message.
      const isStored = outcome === 'stored'
      assert.equal(outcome, isStored ? 'stored' : 'unknown-user')
      assert.equal((await engine.user(guest('a'))) !== null, isStored)
      assert.deepEqual(await bodies(engine, guest('a')), isStored ? ['second'] : [])
    })

    on('are deleted if a refused message finds that their messages have expired', async (engine) => {
      const { session } = await enter(engine, guest('a'))
      const first = await deliver(engine, { to: 'guest:a' })
      await engine.endSession(session, 'ended')
      await until('it is old enough', () => Promise.resolve(Date.now() > first.sentAt + 20))
      const retention = { ...rules().retention, age: 20 }
      const quota = { inboxes: 1_000, bytes: 1 }
      const { outcome } = await engine.send(newMessage({ to: 'guest:a' }), rules({ retention, quota }))
      assert.notEqual(outcome, 'stored')
      await engine.configure(app, { retention, webhooks: null })
      await untilDeleted(engine, guest('a'))
    })

    on('are limited in number by app, and make room when they are deleted', async (engine) => {
      const first = await enter(engine, guest('a'))
      await Promise.all([enter(engine, guest('b')), enter(engine, guest('c'))])
      assert.equal(await saveGuest(engine, guest('d'), {}, 3), null)
      assert.equal(await engine.user(guest('d')), null)
      assert.ok(await saveGuest(engine, guest('b'), {}, 3))
      assert.ok(await saveGuest(engine, { ...guest('d'), appId: 'app2' }, {}, 3))
      await engine.saveUser(bob, {})
      if (durable) {
        await reopen(engine)
        assert.equal(await saveGuest(engine, guest('d'), {}, 3), null)
      }
      const [session] = await engine.sessions(first.session)
      await engine.endSession(session ?? first.session, 'ended')
      await until('there is room', async () => (await saveGuest(engine, guest('d'), {}, 3)) !== null)
    })

    on('are limited in number when many are saved at once', async (engine) => {
      const saved = await Promise.all(
        Array.from({ length: 20 }, (_, n) => saveGuest(engine, guest(`${n}`), {}, 3)),
      )
      assert.equal(saved.filter((one) => one !== null).length, 3)
    })
  })
}
