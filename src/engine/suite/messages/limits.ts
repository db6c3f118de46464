import assert from 'node:assert/strict'
import { ada, app, bob, bodies, deliver, newMessage, rules, type SuiteContext } from '../kit.js'

/** A part of the suite: the share of an inbox that a sender may take, and the quota of an app. */
export const limitsSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe("a sender's share of an inbox", () => {
    const under = { retention: { messages: 10, age: 3_600_000, bytes: 1e9 }, unreadPerSender: 0.5 }

    on("ends with a message that would push out another sender's unread one", async (engine) => {
      await deliver(engine, { from: 'cy', body: 'from cy' }, under)
      for (let n = 0; n < 9; n++) await deliver(engine, {}, under)
      const refused = newMessage()
      assert.deepEqual(await engine.send(refused, rules(under)), { outcome: 'refused' })
      assert.deepEqual(await engine.send(refused, rules(under)), { outcome: 'refused' })
      if (durable) await reopen(engine)
      assert.deepEqual(await engine.send(refused, rules(under)), { outcome: 'refused' })
      assert.deepEqual((await bodies(engine, bob))[0], 'from cy')
      assert.equal((await bodies(engine, ada)).length, 9)
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 1 })
      assert.equal((await engine.send(refused, rules(under))).outcome, 'stored')
    })

    on('is the same for many sends at once', async (engine) => {
      await deliver(engine, { from: 'cy', body: 'from cy' }, under)
      const sent = await Promise.all(
        Array.from({ length: 50 }, () => engine.send(newMessage(), rules(under))),
      )
      assert.deepEqual(
        sent.map(({ outcome }) => outcome),
        [...Array<string>(9).fill('stored'), ...Array<string>(41).fill('refused')],
      )
      assert.deepEqual((await bodies(engine, bob))[0], 'from cy')
    })

    on(
      'holds up no users who write to each other at once, though the retention was lowered',
      async (engine) => {
        const users = ['ada', 'bob', 'cy', 'di']
        const send = (n: number, messages: number) => {
          const [from, to] = [users[n % 4] ?? '', users[(n + 1 + (n % 3)) % 4] ?? '']
          const retention = { ...under.retention, messages }
          return engine.send(newMessage({ from, to }), rules({ retention, unreadPerSender: 1 }))
        }
        for (const messages of [600, 300])
          for (let sent = 0; sent < 1_000; sent += 50) {
            const results = await Promise.all(Array.from({ length: 50 }, (_, n) => send(sent + n, messages)))
            assert.ok(results.every(({ outcome }) => outcome === 'stored'))
          }
      },
    )

    on('also limits bytes', async (engine) => {
      const small = { retention: { messages: 1_000, age: 3_600_000, bytes: 20_000 }, unreadPerSender: 0.5 }
      await deliver(engine, { from: 'cy', body: 'from cy' }, small)
      let stored = 0
      const body = 'x'.repeat(1_000)
      while ((await engine.send(newMessage({ body }), rules(small))).outcome === 'stored') stored++
      assert.ok(stored > 8 && stored < 20, `${stored} were stored`)
      assert.deepEqual((await bodies(engine, bob))[0], 'from cy')
    })

    on("lets a sender push out their own unread messages, and others' read ones", async (engine) => {
      for (let n = 0; n < 30; n++) await deliver(engine, { body: `${n}` }, under)
      assert.deepEqual((await bodies(engine, bob))[0], '20')
      await deliver(engine, { from: 'cy' }, under)
      const { epoch } = await engine.inbox(bob)
      await engine.markRead(bob, { epoch, offset: 31 })
      for (let n = 0; n < 30; n++) await deliver(engine, {}, under)
    })

    on(
      'does not concern senders with few unread messages, the backend, nor messages to oneself',
      async (engine) => {
        for (let n = 0; n < 10; n++) await deliver(engine, { from: 'cy' }, under)
        for (let n = 0; n < 6; n++) await deliver(engine, {}, under)
        assert.equal((await engine.send(newMessage(), rules(under))).outcome, 'refused')
        await deliver(engine, { from: 'di' }, under)
        for (let n = 0; n < 12; n++) await deliver(engine, { from: null }, under)
        for (let n = 0; n < 12; n++) await deliver(engine, { from: 'bob' }, under)
      },
    )
  })

  describe("an app's quota", () => {
    const quota = { inboxes: 3, bytes: 1_000_000 }

    on('limits the number of inboxes, and those that exist still get messages', async (engine) => {
      await deliver(engine, {}, { quota })
      assert.deepEqual(await engine.send(newMessage({ from: 'cy', to: 'di' }), rules({ quota })), {
        outcome: 'full',
      })
      await deliver(engine, { to: 'cy' }, { quota })
      assert.deepEqual(await engine.send(newMessage({ from: null, to: 'di' }), rules({ quota })), {
        outcome: 'full',
      })
      await deliver(engine, { from: 'cy' }, { quota })
      await deliver(engine, { appId: 'app2' }, { quota })
      if (durable) await reopen(engine)
      assert.deepEqual(await engine.send(newMessage({ to: 'di' }), rules({ quota })), { outcome: 'full' })
      assert.deepEqual(await bodies(engine, { appId: app, userId: 'di' }), [])
    })

    on('limits bytes, and counts only retained messages', async (engine) => {
      const small = {
        quota: { inboxes: 10, bytes: 12_000 },
        retention: { messages: 4, age: 3_600_000, bytes: 1e9 },
      }
      const body = 'x'.repeat(1_000)
      // All forty would exceed the quota, but only four are retained at a time.
      for (let n = 0; n < 40; n++) await deliver(engine, { body }, small)
      const wide = { ...small, retention: { messages: 100, age: 3_600_000, bytes: 1e9 } }
      let stored = 0
      while ((await engine.send(newMessage({ body }), rules(wide))).outcome === 'stored') stored++
      assert.ok(stored < 8, `${stored} more`)
      assert.equal((await engine.send(newMessage({ body }), rules(wide))).outcome, 'full')
      if (durable) await reopen(engine)
      assert.equal((await engine.send(newMessage({ body }), rules(wide))).outcome, 'full')
      await deliver(engine, { body }, small)
    })
  })
}
