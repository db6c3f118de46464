import assert from 'node:assert/strict'
import type { EngineEvent } from '../../engine.js'
import {
  ada,
  app,
  bob,
  bodies,
  deliver,
  newMessage,
  nextEvents,
  rules,
  start,
  until,
  vouch,
  type SuiteContext,
  saveGuest,
} from '../kit.js'
import { ask, pendingOf } from '../webhook-kit.js'

/** A part of the suite: sending messages, and their idempotency. */
export const sendingSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('messages', () => {
    on('are in both inboxes with every field', async (engine) => {
      await engine.saveUser(ada, {
        vouched: vouch({ name: 'Ada', email: 'ada@example.com' }),
        claimed: { name: 'x', photoUrl: 'https://example.com/a.png' },
      })
      await engine.send(newMessage({ from: null }), rules())
      const data = JSON.parse('{"a":[1,{"b":null}],"__proto__":{"c":"😀"}}') as Record<string, unknown>
      const before = Date.now()
      const message = newMessage({ body: '\u2028 "😀" \\', data })
      const sent = await engine.send(message, rules())
      assert.ok(sent.outcome === 'stored')
      assert.deepEqual(sent, { outcome: 'stored', offset: 2, ownOffset: 1, sentAt: sent.sentAt })
      assert.ok(sent.sentAt >= before && sent.sentAt <= Date.now())
      const { id, from, to, body } = message
      const sender = { name: 'Ada', photoUrl: 'https://example.com/a.png' }
      for (const [of, offset] of [
        [ada, 1],
        [bob, 2],
      ] as const) {
        const { epoch } = await engine.inbox(of)
        const { messages } = await engine.messagesAfter(of, { epoch, offset: offset - 1 }, 10)
        assert.deepEqual(messages, [{ offset, id, from, to, sender, body, data, sentAt: sent.sentAt }])
      }
    })

    on('equal the JSON that their events have, if any', async (engine) => {
      await start(engine, bob)
      const events = nextEvents(engine, 'message')
      await engine.send(newMessage({ body: '\u2028 "😀" \\', data: { a: [1, { b: null }] } }), rules())
      for (const { json, message } of await events)
        if (json !== undefined) assert.deepEqual(JSON.parse(json), message)
    })

    on('have no sender from the backend, or if the user has neither a name nor a photo', async (engine) => {
      await deliver(engine, { from: null })
      await engine.saveUser(ada, { vouched: vouch({ email: 'ada@example.com' }) })
      await deliver(engine)
      const { epoch } = await engine.inbox(bob)
      const { messages } = await engine.messagesAfter(bob, { epoch, offset: 0 }, 10)
      assert.deepEqual(
        messages.map(({ sender }) => sender),
        [null, null],
      )
    })

    on('carry the sender as it was when they were sent', async (engine) => {
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
      await deliver(engine)
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada L.' }) })
      await deliver(engine)
      const { epoch } = await engine.inbox(bob)
      const { messages } = await engine.messagesAfter(bob, { epoch, offset: 0 }, 10)
      assert.deepEqual(
        messages.map(({ sender }) => sender),
        [{ name: 'Ada' }, { name: 'Ada L.' }],
      )
    })

    on('carry the profile of the session that sends them, if it has one of its own', async (engine) => {
      await engine.saveUser(ada, { vouched: vouch({ name: 'Ada', photoUrl: 'https://example.com/a.png' }) })
      const [first, second] = [newMessage({ sender: { name: 'Ada of sales' } }), newMessage({ sender: null })]
      const oneself = newMessage({ to: 'ada', sender: { photoUrl: 'https://example.com/b.png' } })
      await start(engine, bob)
      const events = nextEvents(engine, 'message')
      for (const message of [first, second, oneself, newMessage()]) await engine.send(message, rules())
      assert.deepEqual((await events)[0]?.message.sender, first.sender)
      const known = { name: 'Ada', photoUrl: 'https://example.com/a.png' }
      const sendersOf = async (of: typeof ada): Promise<unknown[]> => {
        const { epoch } = await engine.inbox(of)
        const { messages } = await engine.messagesAfter(of, { epoch, offset: 0 }, 10)
        return messages.map(({ sender }) => sender)
      }
      assert.deepEqual(await sendersOf(ada), [first.sender, null, oneself.sender, known])
      assert.deepEqual(await sendersOf(bob), [first.sender, null, known])
      // A retry may come from another session.
      const again = await engine.send({ ...first, sender: { name: 'Ada of support' } }, rules())
      assert.equal(again.outcome, 'repeated')
      assert.equal((await sendersOf(bob)).length, 3)
    })

    on('to or from a user who does not exist are stored only if the rules allow it', async (engine) => {
      const strict = { unknownRecipients: false }
      const ofSaved = { unknownSenders: false }
      const unknown = { outcome: 'unknown-user' }
      assert.deepEqual(await engine.send(newMessage(), rules(strict)), unknown)
      assert.deepEqual(await engine.send(newMessage(), rules(ofSaved)), unknown)
      assert.deepEqual(await engine.send(newMessage({ to: 'ada' }), rules(ofSaved)), unknown)
      assert.deepEqual([await bodies(engine, ada), await bodies(engine, bob)], [[], []])
      assert.deepEqual([await engine.user(ada), await engine.user(bob)], [null, null])
      await engine.saveUser(ada, {})
      await engine.saveUser(bob, {})
      await deliver(engine, {}, { ...strict, ...ofSaved })
    })

    on('create a recipient and a sender who do not exist, each once', async (engine) => {
      await ask(engine, ['user.created', 'message.created'])
      await Promise.all(Array.from({ length: 10 }, () => deliver(engine)))
      for (const of of [ada, bob]) {
        const user = await engine.user(of)
        assert.deepEqual([user?.vouched, user?.claimed], [{}, {}])
        assert.equal((await engine.saveUser(of, {})).created, false)
        const [created, ...others] = await pendingOf(engine, of)
        assert.equal(created?.event.type, 'user.created')
        const data = { user: { id: of.userId }, guest: false, online: false, sessions: 0 }
        assert.deepEqual(created.event.data, data)
        assert.ok(others.every(({ event }) => event.type === 'message.created'))
      }
      assert.equal((await engine.status(bob)).unread, 10)
      const listed = (await engine.users(app, null, 10)).map(({ userId }) => userId)
      assert.deepEqual(listed.toSorted(), ['ada', 'bob'])
      assert.equal((await engine.usage(app)).users, 2)
      if (!durable) return
      await reopen(engine)
      assert.ok(await engine.user(bob))
      assert.equal((await engine.usage(app)).users, 2)
    })

    on('create a recipient once, even if a save creates the user at the same time', async (engine) => {
      await ask(engine, ['user.created'])
      const save = (name: string) => engine.saveUser(bob, { claimed: { name } })
      await Promise.all([deliver(engine), save('Bob'), deliver(engine), save('Bob B.')])
      assert.equal((await engine.user(bob))?.claimed.name, 'Bob B.')
      assert.equal((await pendingOf(engine, bob)).length, 1)
      assert.equal((await engine.usage(app)).users, 2)
    })

    on('that are not stored create nobody', async (engine) => {
      const full = rules({ quota: { inboxes: 1, bytes: 1e9 } })
      assert.deepEqual(await engine.send(newMessage(), full), { outcome: 'full' })
      assert.equal(await engine.user(bob), null)
      assert.deepEqual((await engine.usage(app)).inboxes, 0)
    })

    on('create no guest', async (engine) => {
      for (const ids of [{ to: 'guest:1' }, { from: 'guest:1' }, { from: null, to: 'guest:~1' }])
        assert.deepEqual(await engine.send(newMessage(ids), rules()), { outcome: 'unknown-user' })
      assert.deepEqual(await engine.users(app, null, 10), [])
    })

    on('that are sent at once have offsets without gaps, in the order of the calls', async (engine) => {
      const names = Array.from({ length: 200 }, (_, n) => `${n}`)
      const sent = await Promise.all(names.map((body) => deliver(engine, { body })))
      assert.deepEqual(
        sent.map(({ offset, ownOffset }) => [offset, ownOffset]),
        names.map((_, n) => [n + 1, n + 1]),
      )
      assert.deepEqual(await bodies(engine, bob), names)
      assert.deepEqual(await bodies(engine, ada), names)
    })

    on('of many users to each other are all stored once', async (engine) => {
      const users = ['a', 'b', 'c', 'd', 'a b', 'guest:1', '😀']
      await saveGuest(engine, { appId: app, userId: 'guest:1' }, {}, 1)
      const pairs = users.flatMap((from) => users.map((to) => ({ from, to })))
      await Promise.all(
        [1, 2, 3].flatMap(() =>
          pairs.map(({ from, to }) => deliver(engine, { from, to, body: `${from}→${to}` })),
        ),
      )
      for (const user of users) {
        const theirs = pairs.filter(({ from, to }) => from === user || to === user)
        assert.deepEqual(
          (await bodies(engine, { appId: app, userId: user })).toSorted(),
          theirs.flatMap(({ from, to }) => Array<string>(3).fill(`${from}→${to}`)).toSorted(),
        )
      }
    })

    on('of two apps are separate', async (engine) => {
      const id = 'one'
      await deliver(engine, { id })
      await deliver(engine, { id, appId: 'app2', body: 'there' })
      assert.deepEqual(await bodies(engine, bob), ['Hello'])
      assert.deepEqual(await bodies(engine, { ...bob, appId: 'app2' }), ['there'])
    })

    on('are emitted once for each inbox, in offset order, when they can be read', async (engine) => {
      for (const of of [ada, bob]) await start(engine, of)
      const events: Extract<EngineEvent, { type: 'message' }>[] = []
      const reads: Promise<void>[] = []
      const life = new AbortController()
      engine.listen((event) => {
        if (event.type !== 'message') return
        events.push(event)
        const { user, epoch, message } = event
        const readMessage = async (): Promise<void> => {
          const page = await engine.messagesAfter(user, { epoch, offset: message.offset - 1 }, 1)
          assert.deepEqual(page.messages, [message])
        }
        reads.push(readMessage())
      }, life.signal)
      const count = 50
      await Promise.all(Array.from({ length: count }, (_, n) => deliver(engine, { data: { n } })))
      await Promise.all(reads)
      life.abort()
      for (const of of [ada, bob]) {
        const theirs = events.filter(({ user }) => user.userId === of.userId)
        const { epoch } = await engine.inbox(of)
        assert.ok(theirs.every((event) => event.epoch === epoch && event.user.appId === app))
        assert.deepEqual(
          theirs.map(({ message }) => message.offset),
          Array.from({ length: count }, (_, n) => n + 1),
        )
      }
    })

    on('do not change when the caller changes the object that it sent', async (engine) => {
      await start(engine, bob)
      const events = nextEvents(engine, 'message')
      const data = { list: ['a'] }
      const sending = deliver(engine, { data })
      data.list.push('b')
      await sending
      const { epoch } = await engine.inbox(bob)
      const { messages } = await engine.messagesAfter(bob, { epoch, offset: 0 }, 1)
      assert.deepEqual(
        [messages[0]?.data, (await events)[0]?.message.data],
        [{ list: ['a'] }, { list: ['a'] }],
      )
    })
  })

  describe('the id of a message', () => {
    on('makes a retry safe: the same result, and no second message', async (engine) => {
      const message = newMessage({ data: { a: 1, b: { c: 2, d: [3] } } })
      const sent = await engine.send(message, rules())
      assert.equal(sent.outcome, 'stored')
      const reordered = { ...message, data: { b: { d: [3], c: 2 }, a: 1 } }
      for (const again of [message, reordered]) {
        assert.deepEqual(await engine.send(again, rules()), { ...sent, outcome: 'repeated' })
      }
      assert.deepEqual(await bodies(engine, bob), ['Hello'])
    })

    on('is found with the result of a retry, and an id that is not stored is not found', async (engine) => {
      const message = newMessage({ data: { a: 1 } })
      assert.equal(await engine.findSent(message, rules()), null)
      const sent = await engine.send(message, rules())
      assert.deepEqual(await engine.findSent(message, rules()), { ...sent, outcome: 'repeated' })
      const other = await engine.findSent({ ...message, data: { a: 2 } }, rules())
      assert.deepEqual(other, { outcome: 'conflict' })
      const toMyself = newMessage({ to: 'ada' })
      assert.equal(await engine.findSent(toMyself, rules()), null)
      const own = await engine.send(toMyself, rules())
      assert.deepEqual(await engine.findSent(toMyself, rules()), { ...own, outcome: 'repeated' })
      // A look-up stores nothing, creates nobody, and counts no message.
      const few = rules({ messagesPerSecond: 1 })
      const toNobody = newMessage({ to: 'nobody' })
      for (let times = 0; times < 5; times++) assert.equal(await engine.findSent(toNobody, few), null)
      assert.equal(await engine.user({ appId: app, userId: 'nobody' }), null)
      assert.deepEqual(await bodies(engine, bob), ['Hello'])
    })

    on('is found no more after its user was deleted', async (engine) => {
      const message = newMessage()
      await engine.send(message, rules())
      await engine.deleteUser(bob)
      assert.equal(await engine.findSent(message, rules()), null)
    })

    on('makes a retry with the original content safe if the backend has replaced it', async (engine) => {
      const original = { body: 'Hello', data: { a: 1 } }
      const message = newMessage(original)
      const replaced = { ...message, body: 'H***o', data: { b: 2 }, original }
      const sent = await engine.send(replaced, rules())
      assert.equal(sent.outcome, 'stored')
      for (const again of [message, replaced]) {
        assert.deepEqual(await engine.findSent(again, rules()), { ...sent, outcome: 'repeated' })
        assert.deepEqual(await engine.send(again, rules()), { ...sent, outcome: 'repeated' })
      }
      const withReplacement = { ...message, body: 'H***o', data: { b: 2 } }
      assert.deepEqual(await engine.send(withReplacement, rules()), { outcome: 'conflict' })
      for (const of of [ada, bob]) {
        const { epoch } = await engine.inbox(of)
        const { messages } = await engine.messagesAfter(of, { epoch, offset: 0 }, 10)
        assert.deepEqual(
          messages.map(({ body, data, ...rest }) => [body, data, 'original' in rest]),
          [['H***o', { b: 2 }, false]],
        )
      }
    })

    on('makes one message of many sends at once', async (engine) => {
      const message = newMessage()
      const sent = await Promise.all(Array.from({ length: 20 }, () => engine.send(message, rules())))
      assert.deepEqual(sent.map(({ outcome }) => outcome).toSorted(), [
        ...Array<string>(19).fill('repeated'),
        'stored',
      ])
      assert.equal(new Set(sent.map((answer) => JSON.stringify({ ...answer, outcome: '' }))).size, 1)
      assert.deepEqual(await bodies(engine, bob), ['Hello'])
    })

    on('is a conflict if the content differs, at once or later', async (engine) => {
      const message = newMessage({ body: 'a', data: { n: [1, 2] } })
      const others = [
        { ...message, body: 'b' },
        { ...message, data: undefined },
        { ...message, body: undefined },
        { ...message, data: { n: [2, 1] } },
        { ...message, data: { n: ['1', 2] } },
      ]
      const first = engine.send(message, rules())
      for (const other of others) assert.deepEqual(await engine.send(other, rules()), { outcome: 'conflict' })
      assert.equal((await first).outcome, 'stored')
      for (const other of others) assert.deepEqual(await engine.send(other, rules()), { outcome: 'conflict' })
      assert.deepEqual(await bodies(engine, bob), ['a'])
    })

    on('may be any text', async (engine) => {
      const ids = ['', '\0', 'a\0b', '\n', '😀', '__proto__', 'a', 'b\0', '~'.repeat(64)]
      for (const id of ids) await deliver(engine, { id, body: id })
      for (const id of ids)
        assert.equal((await engine.send(newMessage({ id, body: id }), rules())).outcome, 'repeated')
    })

    on('is the same message for the send window, and a new one after it', async (engine) => {
      const message = newMessage()
      const sendWindow = 1_000
      const brief = rules({ sendWindow })
      // The test reads the monotonic clock, because the message's own time follows the machine's clock and the window does not.
      const began = performance.now()
      await deliver(engine, message, brief)
      const sendAgain = async (): Promise<boolean> => {
        const again = await engine.send(message, rules())
        // On a slow machine the window may be over by now, but it must not end too early. An engine may count whole milliseconds.
        if (performance.now() < began + sendWindow - 1) assert.equal(again.outcome, 'repeated')
        return again.outcome === 'stored'
      }
      await until('the id is free', sendAgain)
      // The id had expired, and is stored again by now. An engine that deletes expired ids must keep it. The ids of these sends expire
      // after a millisecond, so that there is something to delete.
      for (let n = 0; n < 5; n++) await deliver(engine, { from: 'cy' }, { sendWindow: 1 })
      assert.equal((await engine.send(message, rules())).outcome, 'repeated')
    })

    if (!durable) return
  })
}
