import assert from 'node:assert/strict'
import type { Engine, PeerPage, UserRef } from '../../engine.js'
import {
  ada,
  app,
  bob,
  credential,
  deliver,
  newMessage,
  nextEvents,
  rules,
  saveGuest,
  start,
  until,
  vouch,
  type SuiteContext,
} from '../kit.js'
import { ask, pendingOf, untilPending } from '../webhook-kit.js'

const hour = 3_600_000

const idsOf = ({ peers }: PeerPage): (string | null)[] => peers.map(({ id }) => id)

/** Marks Bob's messages from a peer as read. Resolves with the unread counts and the read marks of the inbox and of the peer. */
const read = async (
  engine: Engine,
  peer: string | null,
  offset: number,
  of: UserRef = bob,
): Promise<{ unread: number; unreadWith: number; readOffset: number; readOffsetWith: number }> => {
  const { epoch } = await engine.inbox(of)
  const found = await engine.markPeerRead(of, peer, { epoch, offset })
  assert.ok(found)
  assert.deepEqual(found.inbox, await engine.inbox(of))
  assert.equal(found.peer.id, peer)
  const { unread, readOffset } = found.inbox
  return { unread, unreadWith: found.peer.unread, readOffset, readOffsetWith: found.peer.readOffset }
}

/** A part of the suite: the list of peers, the messages with one of them, and the marks of peers. */
export const peerMarksSuite = ({ describe, on, onTwo }: SuiteContext): void => {
  describe('the list of peers', () => {
    on('begins with the newest message, and has names, photos and what is unread', async (engine) => {
      assert.deepEqual(await engine.peers(bob, null, 10), {
        ...{ peers: [], next: null, inbox: await engine.inbox(bob) },
      })
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada', photoUrl: 'https://example.com/ada.png' }) })
      await deliver(engine)
      await deliver(engine, { from: null, body: 'from the backend' })
      await deliver(engine, { from: 'cy' })
      await deliver(engine, { from: 'bob', to: 'ada', body: 'answer' })
      await deliver(engine, { from: 'bob', to: 'dan' })
      const page = await engine.peers(bob, null, 10)
      assert.deepEqual([page.next, page.inbox], [null, await engine.inbox(bob)])
      const [dan, first, cy, backend] = page.peers
      const { messages } = await engine.messagesAfter(bob, { ...(await engine.inbox(bob)), offset: 0 }, 10)
      assert.deepEqual(dan, {
        ...{ id: 'dan', name: null, photoUrl: null, unread: 0, readOffset: 0, newest: messages[4] },
      })
      assert.deepEqual(first, {
        ...{ id: 'ada', name: 'Ada', photoUrl: 'https://example.com/ada.png', unread: 1, readOffset: 0 },
        newest: messages[3],
      })
      assert.deepEqual([cy?.id, cy?.unread, cy?.newest.offset], ['cy', 1, 3])
      assert.deepEqual([backend?.id, backend?.unread, backend?.newest.offset], [null, 1, 2])
    })

    on('has pages, which leave out a peer whose newer message came meanwhile', async (engine) => {
      for (const from of ['ada', 'cy', 'dan', 'eve']) await deliver(engine, { from })
      const first = await engine.peers(bob, null, 2)
      assert.deepEqual(idsOf(first), ['eve', 'dan'])
      assert.equal(first.next, 3)
      await deliver(engine, { from: 'cy' })
      const second = await engine.peers(bob, first.next, 2)
      assert.deepEqual([idsOf(second), second.next], [['ada'], null])
      assert.deepEqual(idsOf(await engine.peers(bob, 1, 2)), [])
      assert.deepEqual(idsOf(await engine.peers(bob, 99, 1)), ['cy'])
    })
  })

  describe('the mark of a peer', () => {
    on('emits an event when it moves, and so does the mark of the inbox', async (engine) => {
      for (const from of ['ada', 'cy', 'ada']) await deliver(engine, { from })
      await start(engine, bob)
      const events = nextEvents(engine, 'read', 3)
      const { epoch } = await engine.inbox(bob)
      for (let n = 0; n < 2; n++) await engine.markRead(bob, { epoch, offset: 1 })
      for (let n = 0; n < 2; n++) await read(engine, 'ada', 3)
      assert.equal(await engine.markPeerRead(bob, 'cy', { epoch: 'another', offset: 3 }), null)
      await engine.markRead(bob, { epoch, offset: 9 })
      const inbox = { epoch, offset: 3, readOffset: 1, unread: 1 }
      assert.deepEqual(await events, [
        { type: 'read', user: bob, inbox: { ...inbox, unread: 2 } },
        { type: 'read', user: bob, inbox, peer: { id: 'ada', unread: 0, readOffset: 3 } },
        { type: 'read', user: bob, inbox: { ...inbox, readOffset: 3, unread: 0 } },
      ])
    })

    on('reads messages up to any offset of a large inbox', async (engine) => {
      const retention = { messages: 1_000, age: hour, bytes: 1e9 }
      const count = 700
      await Promise.all(
        Array.from({ length: count }, (_, n) =>
          deliver(engine, { from: n % 5 === 0 ? null : 'ada' }, { retention }),
        ),
      )
      const { epoch } = await engine.inbox(bob)
      const all = (await engine.messagesAfter(bob, { epoch, offset: 0 }, count)).messages
      const unread = (peer: string | null, after: number): number =>
        all.filter(({ from, offset }) => from === peer && offset > after).length
      for (const offset of [3, 600, 650]) {
        const expected = {
          unread: unread('ada', offset) + unread(null, 0),
          unreadWith: unread('ada', offset),
        }
        assert.deepEqual(await read(engine, 'ada', offset), {
          ...expected,
          readOffset: 0,
          readOffsetWith: offset,
        })
      }
      const expected = { unread: unread('ada', 650), unreadWith: 0, readOffset: 0, readOffsetWith: count }
      assert.deepEqual(await read(engine, null, count), expected)
    })

    on('counts for message.unread', async (engine) => {
      const sendMany = (count: number): Promise<unknown> =>
        Promise.all(Array.from({ length: count }, () => deliver(engine)))
      // Long enough for a slow machine to send the messages and to mark them.
      await ask(engine, ['message.unread', 'message.read'], 3_000)
      await sendMany(70)
      await read(engine, 'ada', 70)
      await deliver(engine, { to: 'cy' })
      await untilPending(engine, { appId: app, userId: 'cy' }, 'message.unread')
      const [event, ...others] = await pendingOf(engine, bob)
      assert.deepEqual(others, [])
      const { with: peer, unread, unreadWith, readOffset, readOffsetWith } = event?.event.data ?? {}
      assert.equal(event?.event.type, 'message.read')
      assert.deepEqual([peer, unread, unreadWith, readOffset, readOffsetWith], ['ada', 0, 0, 0, 70])
      // The unread message is between messages that are read.
      const unreadOne = await deliver(engine, { from: null })
      await sendMany(70)
      await read(engine, 'ada', 400)
      const found = (await untilPending(engine, bob, 'message.unread')).event.data
      assert.deepEqual([found['unread'], found['oldestAt']], [1, unreadOne.sentAt])
      assert.deepEqual(
        (found['messages'] as { from: null }[]).map(({ from }) => from),
        [null],
      )
    })

    on('counts for the share that one sender’s unread messages may take', async (engine) => {
      const under = { retention: { messages: 10, age: hour, bytes: 1e9 }, unreadPerSender: 0.5 }
      for (let n = 0; n < 4; n++) await deliver(engine, { from: 'cy' }, under)
      for (let n = 0; n < 6; n++) await deliver(engine, {}, under)
      const refused = newMessage()
      assert.equal((await engine.send(refused, rules(under))).outcome, 'refused')
      // One of Ada's six messages is read, so she may send one more, though it pushes out an unread message of Cy.
      await read(engine, 'ada', 5)
      await deliver(engine, {}, under)
      assert.equal((await engine.send(newMessage(), rules(under))).outcome, 'refused')
      // Cy's other messages are read, so that no unread message of another sender is pushed out.
      await read(engine, 'cy', 20)
      await deliver(engine, {}, under)
    })

    on('of a guest ends with the adoption, and what the guest has read stays read', async (engine) => {
      const guest = { appId: app, userId: 'guest:~visitor' }
      const saved = (await saveGuest(engine, guest)) ?? assert.fail('the guest is saved')
      const { user } = await engine.saveUser(ada, {})
      for (const from of ['cy', 'dan', 'cy']) await deliver(engine, { from, to: guest.userId })
      await read(engine, 'cy', 2, guest)
      await deliver(engine, { from: 'cy', to: 'ada' })
      await read(engine, 'cy', 1, ada)
      const proof = { credential: credential(), createdAt: saved.user.createdAt }
      const { retention } = rules()
      const request = { ...ada, userCreatedAt: user.createdAt, guestId: guest.userId, proof, retention }
      assert.ok(await engine.adoptGuest(request))
      await until('the messages have moved', async () => (await engine.inbox(ada)).offset === 4)
      const { peers } = await engine.peers(ada, null, 10)
      assert.deepEqual(
        peers.map(({ id, unread, readOffset }) => [id, unread, readOffset]),
        [
          ['cy', 1, 1],
          ['dan', 1, 0],
        ],
      )
      assert.equal((await engine.inbox(ada)).unread, 2)
      assert.deepEqual(idsOf(await engine.peers(guest, null, 10)), [])
    })

    onTwo('is emitted where the user has a session, and known to every engine', async (one, two) => {
      await deliver(one)
      await deliver(one, { from: null })
      await start(two, bob)
      const events = nextEvents(two, 'read')
      await read(one, null, 2)
      const { epoch } = await one.inbox(bob)
      assert.deepEqual(await events, [
        {
          ...{ type: 'read', user: bob, inbox: { epoch, offset: 2, readOffset: 0, unread: 1 } },
          peer: { id: null, unread: 0, readOffset: 2 },
        },
      ])
      assert.deepEqual(await two.peers(bob, null, 10), await one.peers(bob, null, 10))
    })
  })
}
