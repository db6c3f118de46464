import assert from 'node:assert/strict'
import type { Adoption, AdoptionRequest, Engine, MessagePage, UserRecord, UserRef } from '../../engine.js'
import {
  ada,
  advanceClock,
  app,
  bob,
  bodies,
  credential,
  deliver,
  idsOf,
  newMessage,
  nextEvents,
  request,
  rules,
  saveGuest,
  start,
  startSession,
  until,
  type SuiteContext,
} from '../kit.js'
import { ask, pending, untilPending } from '../webhook-kit.js'

const guest: UserRef = { appId: app, userId: 'guest:~visitor' }
const { retention } = rules()

type Message = MessagePage['messages'][number]

interface Visitor {
  guest: UserRecord
  user: UserRecord
  /** Lets Ada, or another user, adopt the guest, who gives a proof. */
  adopt: (more?: Partial<AdoptionRequest>) => Promise<Adoption | null>
}

/** Saves a guest and Ada, who may adopt the guest. */
const enter = async (engine: Engine): Promise<Visitor> => {
  const saved = (await saveGuest(engine, guest)) ?? assert.fail('the guest is saved')
  const { user } = await engine.saveUser(ada, {})
  const proof = { credential: credential(), createdAt: saved.user.createdAt }
  const facts = { ...ada, userCreatedAt: user.createdAt, guestId: guest.userId, proof, retention }
  return { guest: saved.user, user, adopt: (more = {}) => engine.adoptGuest({ ...facts, ...more }) }
}

const messagesOf = async (engine: Engine, of: UserRef): Promise<Message[]> => {
  const { epoch } = await engine.inbox(of)
  return (await engine.messagesAfter(of, { epoch, offset: 0 }, 10_000)).messages
}

/** Waits until Ada has this many messages. */
const untilMoved = (engine: Engine, count: number): Promise<void> =>
  until(`${count} messages have moved`, async () => (await messagesOf(engine, ada)).length >= count)

/** Returns the sender, the recipient and the text of a message. */
const partsOf = ({ from, to, body }: Message) => [from, to, body]

/** A part of the suite: a user takes over the messages that a guest received and sent. */
export const adoptingSuite = ({ describe, on, onTwo, reopen, durable }: SuiteContext): void => {
  describe('adoption', () => {
    on('makes the messages of a guest those of a user, in their order', async (engine) => {
      const { adopt } = await enter(engine)
      await deliver(engine, { from: bob.userId, to: ada.userId, body: 'before' })
      const question = newMessage({ from: guest.userId, to: bob.userId, body: 'question', data: { a: [1] } })
      const asked = await engine.send(question, rules({ unknownSenders: false }))
      const answer = await deliver(engine, { from: null, to: guest.userId, body: 'answer' })
      assert.deepEqual(await adopt(), { guest: guest.userId, messages: 2 })
      await untilMoved(engine, 3)
      const [before, moved, answered] = await messagesOf(engine, ada)
      assert.deepEqual([before?.body, before?.adopted], ['before', undefined])
      assert.ok('sentAt' in asked)
      assert.deepEqual(moved, {
        ...{ offset: 2, id: question.id, from: ada.userId, to: bob.userId, sender: null },
        ...{ body: 'question', data: { a: [1] }, adopted: true, sentAt: asked.sentAt },
      })
      assert.deepEqual(answered && partsOf(answered), [null, ada.userId, 'answer'])
      assert.deepEqual([answered?.offset, answered?.sentAt], [3, answer.sentAt])
      const kept = await messagesOf(engine, bob)
      assert.deepEqual(kept.at(-1) && [kept.at(-1)?.from, kept.at(-1)?.adopted], [guest.userId, undefined])
      assert.deepEqual(await messagesOf(engine, guest), [])
    })

    on('deletes the guest, and ends the sessions as replaced', async (engine) => {
      const { adopt, guest: saved } = await enter(engine)
      const sessions = [await start(engine, guest), await start(engine, guest)]
      await deliver(engine, { from: null, to: guest.userId })
      const usage = await engine.usage(app)
      const ended = nextEvents(engine, 'session-ended', 2)
      assert.ok(await adopt())
      const ends = await ended
      assert.deepEqual(
        idsOf(ends.map(({ session }) => session) as never).toSorted(),
        idsOf(sessions).toSorted(),
      )
      assert.deepEqual([...new Set(ends.map(({ code }) => code))], ['replaced'])
      assert.equal(await engine.user(guest), null)
      assert.deepEqual(await engine.sessions(guest), [])
      assert.equal((await engine.status(guest)).lastSeenAt, null)
      await untilMoved(engine, 1)
      const after = await engine.usage(app)
      assert.deepEqual(
        [after.users, after.guests, after.inboxes, after.sessions],
        [usage.users - 1, 0, usage.inboxes, 0],
      )
      const request1 = request(guest, { guest: true, userCreatedAt: saved.createdAt })
      assert.equal(await engine.startSession(request1), null)
    })

    on('answers the same again, and null to anyone else', async (engine) => {
      const { adopt } = await enter(engine)
      const { user: other } = await engine.saveUser(bob, {})
      await deliver(engine, { from: null, to: guest.userId })
      const adoptions = await Promise.all([adopt(), adopt(), adopt({ proof: null })])
      for (const adoption of adoptions) assert.deepEqual(adoption, { guest: guest.userId, messages: 1 })
      if (durable) await reopen(engine)
      assert.deepEqual(await adopt(), { guest: guest.userId, messages: 1 })
      assert.equal(await adopt({ userId: bob.userId, userCreatedAt: other.createdAt }), null)
      await untilMoved(engine, 1)
      assert.deepEqual(await bodies(engine, ada), ['Hello'])
      // A later user with the same id is another user.
      assert.equal(await adopt({ userCreatedAt: other.createdAt + 1 }), null)
    })

    on('answers with 0 messages for a guest without any', async (engine) => {
      const { adopt } = await enter(engine)
      await start(engine, guest)
      assert.deepEqual(await adopt(), { guest: guest.userId, messages: 0 })
      assert.equal(await engine.user(guest), null)
      assert.deepEqual(await adopt(), { guest: guest.userId, messages: 0 })
    })

    on('adopts nothing without a guest, a valid proof or a user', async (engine) => {
      const { adopt, guest: saved, user } = await enter(engine)
      await deliver(engine, { from: null, to: guest.userId })
      const older = { credential: credential(), createdAt: saved.createdAt - 1 }
      assert.equal(await adopt({ guestId: 'guest:~nobody' }), null)
      assert.equal(await adopt({ appId: 'other' }), null)
      assert.equal(await adopt({ proof: older }), null)
      assert.equal(await adopt({ guestId: bob.userId, proof: null }), null)
      assert.ok(await saveGuest(engine, { appId: app, userId: 'guest:~two' }))
      assert.equal(await adopt({ userId: 'guest:~two' }), null)
      const proof = { credential: credential(), createdAt: saved.createdAt }
      await engine.revokeToken(app, proof.credential.tokenId ?? '')
      assert.equal(await adopt({ proof }), null)
      await engine.revokeUser(guest, { issuedBefore: Date.now() + 1_000, mode: 'end' })
      assert.equal(await adopt(), null)
      assert.deepEqual(await bodies(engine, guest), ['Hello'])
      assert.ok(await engine.user(guest))
      // The backend needs no proof.
      assert.ok(await adopt({ proof: null }))
      assert.equal((await engine.user(ada))?.createdAt, user.createdAt)
    })

    on('keeps as read what the guest had read', async (engine) => {
      const { adopt } = await enter(engine)
      for (const body of ['read', 'own', 'unread']) {
        const isOwn = body === 'own'
        await deliver(engine, {
          from: isOwn ? guest.userId : null,
          to: isOwn ? bob.userId : guest.userId,
          body,
        })
      }
      const { epoch } = await engine.inbox(guest)
      await engine.markRead(guest, { epoch, offset: 1 })
      await deliver(engine, { from: null, to: ada.userId, body: 'first' })
      await start(engine, ada)
      const told = nextEvents(engine, 'read')
      assert.ok(await adopt())
      await untilMoved(engine, 4)
      const state = await engine.inbox(ada)
      // Clients add 1 to their unread count for each message that comes, so the engine tells them the correct count.
      assert.deepEqual(await told, [{ type: 'read', user: ada, inbox: state }])
      assert.deepEqual([state.offset, state.readOffset, state.unread], [4, 0, 2])
      if (durable) {
        await reopen(engine)
        assert.equal((await engine.inbox(ada)).unread, 2)
      }
      const mark = async (offset: number) =>
        (await engine.markRead(ada, { epoch: state.epoch, offset }))?.unread
      assert.equal(await mark(1), 1)
      assert.equal(await mark(3), 1)
      assert.equal(await mark(4), 0)
      assert.equal((await engine.status(ada)).unread, 0)
    })

    on('passes messages to the guest on to the user, for as long as both are kept', async (engine) => {
      const { adopt, user } = await enter(engine)
      const repeated = newMessage({ from: bob.userId, to: guest.userId, body: 'before' })
      const first = await engine.send(repeated, rules())
      assert.ok('offset' in first)
      assert.ok(await adopt())
      const again = await engine.send(repeated, rules())
      assert.deepEqual(again, { ...first, outcome: 'repeated' })
      assert.deepEqual(await engine.findSent(repeated, rules()), again)
      const later = newMessage({ from: bob.userId, to: guest.userId, body: 'after' })
      assert.equal(await engine.findSent(later, rules()), null)
      const sent = await engine.send(later, rules({ unknownRecipients: false }))
      assert.equal(sent.outcome, 'stored')
      for (const found of [await engine.findSent(later, rules()), await engine.send(later, rules())])
        assert.deepEqual(found, { ...sent, outcome: 'repeated' })
      await untilMoved(engine, 2)
      const parts = (await messagesOf(engine, ada)).map(partsOf)
      assert.deepEqual(parts.toSorted(), [
        [bob.userId, ada.userId, 'after'],
        [bob.userId, ada.userId, 'before'],
      ])
      assert.deepEqual((await messagesOf(engine, bob)).map(partsOf), [
        [bob.userId, guest.userId, 'before'],
        [bob.userId, ada.userId, 'after'],
      ])
      const fromGuest = newMessage({ from: guest.userId, to: bob.userId })
      assert.equal((await engine.send(fromGuest, rules())).outcome, 'unknown-user')
      await engine.deleteUser(ada)
      await engine.liftRevocation(ada)
      const toGuest = (): ReturnType<Engine['send']> =>
        engine.send(newMessage({ from: bob.userId, to: guest.userId }), rules())
      assert.equal((await toGuest()).outcome, 'unknown-user')
      assert.equal(await engine.user(ada), null)
      // A later user with the same id does not receive the guest's messages.
      await until('time has passed', () => Promise.resolve(Date.now() > user.createdAt))
      const { user: other } = await engine.saveUser(ada, {})
      assert.equal(await adopt({ userCreatedAt: other.createdAt }), null)
      assert.equal((await toGuest()).outcome, 'unknown-user')
      assert.deepEqual(await messagesOf(engine, ada), [])
    })

    on('forgets the guest after the greatest age of messages', async (engine) => {
      const { adopt } = await enter(engine)
      assert.ok(await adopt())
      const send = () => engine.send(newMessage({ from: bob.userId, to: guest.userId }), rules())
      assert.equal((await send()).outcome, 'stored')
      advanceClock(retention.age + 1_000)
      await until('the guest is forgotten', async () => (await send()).outcome === 'unknown-user')
      assert.equal(await adopt(), null)
    })

    on('forgets the guest after the greatest age, even if the guest id was deleted', async (engine) => {
      const { adopt } = await enter(engine)
      await deliver(engine, { from: null, to: guest.userId })
      assert.ok(await adopt())
      await untilMoved(engine, 1)
      await engine.deleteUser(guest)
      const send = () => engine.send(newMessage({ from: bob.userId, to: guest.userId }), rules())
      assert.equal((await send()).outcome, 'stored')
      advanceClock(retention.age + 1_000)
      await until('the guest is forgotten', async () => (await send()).outcome === 'unknown-user')
    })

    on('moves the newest messages that fit beside those of the user', async (engine) => {
      const { adopt } = await enter(engine)
      const small = { ...retention, messages: 5 }
      for (const n of [1, 2]) await deliver(engine, { from: null, to: ada.userId, body: `own ${n}` })
      for (const n of [1, 2, 3, 4])
        await deliver(engine, { from: null, to: guest.userId, body: `guest ${n}` })
      assert.deepEqual(await adopt({ retention: small }), { guest: guest.userId, messages: 4 })
      await untilMoved(engine, 5)
      assert.deepEqual(await bodies(engine, ada), ['own 1', 'own 2', 'guest 2', 'guest 3', 'guest 4'])
      assert.deepEqual(await bodies(engine, guest), [])
    })

    on('moves no more bytes than fit beside those of the user', async (engine) => {
      const { adopt } = await enter(engine)
      const body = (n: number): string => `${n}`.padEnd(10_000)
      for (const n of [1, 2, 3]) await deliver(engine, { from: null, to: ada.userId, body: body(n) })
      for (const n of [4, 5, 6]) await deliver(engine, { from: null, to: guest.userId, body: body(n) })
      assert.equal((await adopt({ retention: { ...retention, bytes: 55_000 } }))?.messages, 3)
      await untilMoved(engine, 5)
      assert.deepEqual(await bodies(engine, ada), [1, 2, 3, 5, 6].map(body))
    })

    on('moves many messages once and in order, while others come', async (engine) => {
      const { adopt } = await enter(engine)
      const count = 400
      await Promise.all(
        Array.from({ length: count }, (_, n) =>
          deliver(engine, { from: null, to: guest.userId, body: `${n}` }),
        ),
      )
      const order = await bodies(engine, guest)
      await start(engine, ada)
      const emitted = nextEvents(engine, 'message', count + 20)
      const [adoption] = await Promise.all([
        adopt(),
        adopt(),
        ...Array.from({ length: 20 }, () =>
          deliver(engine, { from: bob.userId, to: ada.userId, body: 'other' }),
        ),
      ])
      assert.equal(adoption?.messages, count)
      await untilMoved(engine, count + 20)
      const moved = await bodies(engine, ada)
      assert.deepEqual(
        moved.filter((body) => body !== 'other'),
        order,
      )
      const events = (await emitted).filter(({ user }) => user.userId === ada.userId)
      assert.deepEqual(
        events.map(({ message }) => message),
        (await messagesOf(engine, ada)).slice(0, events.length),
      )
      const usage = await engine.usage(app)
      assert.equal(usage.inboxes, 2)
      await until('the inbox of the guest is gone', async () => (await bodies(engine, guest)).length === 0)
    })

    on('is refused by no quota', async (engine) => {
      const { adopt } = await enter(engine)
      const quota = { inboxes: 1, bytes: 1e9 }
      await deliver(engine, { from: null, to: guest.userId }, { quota })
      assert.ok(await adopt())
      await untilMoved(engine, 1)
      assert.equal((await engine.usage(app)).inboxes, 1)
      const { bytes } = await engine.usage(app)
      await deliver(engine, { from: null, to: ada.userId }, { quota })
      assert.ok((await engine.usage(app)).bytes > bytes)
    })

    on('counts the bytes of a moved message once', async (engine) => {
      const { adopt } = await enter(engine)
      await deliver(engine, { from: null, to: ada.userId })
      const { bytes: one } = await engine.usage(app)
      await deliver(engine, { from: null, to: guest.userId, body: 'x'.repeat(1_000) })
      assert.ok(await adopt())
      await untilMoved(engine, 2)
      const { bytes: both } = await engine.usage(app)
      assert.ok(both > one + 1_000 && both < one + 1_500, `${both} bytes`)
      assert.equal(await engine.deleteUser(ada), true)
      await until('nothing is left', async () => (await engine.usage(app)).bytes === 0)
    })

    on('adds `guest.adopted`, and no `message.created` of a moved message', async (engine) => {
      await ask(engine, [
        'guest.adopted',
        'message.created',
        'message.unread',
        'user.deleted',
        'user.created',
      ])
      const { adopt } = await enter(engine)
      await deliver(engine, { from: null, to: guest.userId })
      const before = new Set((await pending(engine)).map(({ event }) => event.id))
      assert.ok(await adopt())
      assert.ok(await adopt())
      await untilMoved(engine, 1)
      const added = (await pending(engine)).map(({ event }) => event).filter(({ id }) => !before.has(id))
      assert.deepEqual(
        added.map(({ type, userId, data }) => [type, userId, data['guest'], data['messages']]),
        [['guest.adopted', ada.userId, guest.userId, 1]],
      )
    })

    on('adds `message.unread` if moved messages stay unread', async (engine) => {
      await ask(engine, ['message.unread'], 300)
      const { adopt } = await enter(engine)
      await deliver(engine, { from: guest.userId, to: bob.userId, body: 'own' })
      for (const body of ['read', 'unread', 'unread too'])
        await deliver(engine, { from: null, to: guest.userId, body })
      await engine.markRead(guest, { epoch: (await engine.inbox(guest)).epoch, offset: 2 })
      assert.ok(await adopt())
      const { event } = await untilPending(engine, ada, 'message.unread')
      const messages = event.data['messages'] as { body: string }[]
      assert.deepEqual(
        [event.data['unread'], messages.map(({ body }) => body)],
        [2, ['unread', 'unread too']],
      )
    })

    if (durable)
      on('moves the rest of many messages after the engine was opened again', async (engine) => {
        const { adopt } = await enter(engine)
        const count = 1_500
        const send = (_: unknown, n: number) =>
          deliver(engine, { from: null, to: guest.userId, body: `${n}` })
        const many = { ...retention, messages: 10_000 }
        await Promise.all(Array.from({ length: count }, send))
        const order = await bodies(engine, guest)
        assert.equal((await adopt({ retention: many }))?.messages, order.length)
        await reopen(engine)
        await engine.configure(app, { retention: many, webhooks: null })
        // An engine may wait before it continues the move, because another engine may be moving the messages.
        advanceClock(60_000)
        await untilMoved(engine, order.length)
        assert.deepEqual(await bodies(engine, ada), order)
        await until('the inbox of the guest is gone', async () => (await engine.usage(app)).inboxes === 1)
      })

    onTwo('ends sessions of the guest at another engine, and passes on its messages', async (one, two) => {
      const { adopt } = await enter(one)
      await deliver(one, { from: null, to: guest.userId })
      const session = await startSession(two, request(guest, { guest: true }))
      await start(two, ada)
      const [ended, received] = [nextEvents(two, 'session-ended'), nextEvents(two, 'message')]
      assert.ok(await adopt())
      assert.equal((await ended)[0]?.session.sessionId, session.sessionId)
      const [message] = await received
      assert.deepEqual([message?.user.userId, message?.message.adopted], [ada.userId, true])
      await deliver(two, { from: null, to: guest.userId, body: 'after' })
      assert.deepEqual(await bodies(one, ada), ['Hello', 'after'])
    })
  })
}
