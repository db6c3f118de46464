import assert from 'node:assert/strict'
import type { Engine, MessagePage, Position, UserRef } from '../../engine.js'
import { ada, app, bob, bodies, deliver, until, type SuiteContext } from '../kit.js'

const fill = async (engine: Engine, count: number): Promise<void> => {
  for (let n = 1; n <= count; n++) await deliver(engine, { body: `${n}` })
}

const after = async (engine: Engine, of: UserRef, offset: number, limit = 100): Promise<MessagePage> =>
  engine.messagesAfter(of, { epoch: (await engine.inbox(of)).epoch, offset }, limit)

/** A part of the suite: reading an inbox, its read mark, and its retention. */
export const inboxSuite = ({ describe, on, reopen, durable, create }: SuiteContext): void => {
  describe('an inbox', () => {
    on('has an epoch while it is empty, and keeps it', async (engine) => {
      const empty = await engine.inbox(bob)
      assert.ok(empty.epoch !== '')
      assert.deepEqual(empty, { epoch: empty.epoch, offset: 0, readOffset: 0, unread: 0 })
      await deliver(engine)
      assert.deepEqual(await engine.inbox(bob), { epoch: empty.epoch, offset: 1, readOffset: 0, unread: 1 })
    })

    on('has an epoch of its own', async (engine) => {
      const other = await create()
      await other.open()
      const epochs = [
        (await engine.inbox(ada)).epoch,
        (await engine.inbox(bob)).epoch,
        (await engine.inbox({ ...ada, appId: 'app2' })).epoch,
        (await other.inbox(ada)).epoch,
      ]
      await other.close()
      assert.equal(new Set(epochs).size, epochs.length)
    })

    on('has no message in a page of none, which says what is lost all the same', async (engine) => {
      await fill(engine, 3)
      const { epoch } = await engine.inbox(bob)
      const read = async (position: Position) => {
        const { messages, lost } = await engine.messagesAfter(bob, position, 0)
        return { messages, lost }
      }
      for (const offset of [0, 1, 3])
        assert.deepEqual(await read({ epoch, offset }), { messages: [], lost: false })
      for (const position of [
        { epoch, offset: 4 },
        { epoch: 'another', offset: 1 },
      ])
        assert.deepEqual(await read(position), { messages: [], lost: true })
      for (const offset of [null, 2])
        assert.deepEqual((await engine.messagesBefore(bob, offset, 0)).messages, [])
      await deliver(engine, {}, { retention: { messages: 1, age: 1e9, bytes: 1e9 } })
      assert.deepEqual(await read({ epoch, offset: 1 }), { messages: [], lost: true })
      assert.deepEqual(await read({ epoch, offset: 3 }), { messages: [], lost: false })
    })

    on('of one user id is separate from those of ids that begin with it', async (engine) => {
      for (const userId of ['a', 'ab', 'a b', 'a:', '😀', '\u{10FFFF}']) {
        await deliver(engine, { from: null, to: userId, body: userId })
        assert.deepEqual(await bodies(engine, { appId: app, userId }), [userId])
      }
    })

    if (durable) {
      on('keeps its epoch over a close, and each odd number of messages', async (engine) => {
        const { epoch } = await engine.inbox(bob)
        for (let n = 1; n <= 40; n++) {
          assert.equal((await deliver(engine)).offset, n)
          await reopen(engine)
          assert.deepEqual(await engine.inbox(bob), { epoch, offset: n, readOffset: 0, unread: n })
          n++
          assert.equal((await deliver(engine)).offset, n)
        }
        assert.equal((await bodies(engine, bob)).length, 40)
      })
    } else {
      on('has another epoch, and is empty, after a close', async (engine) => {
        await fill(engine, 2)
        const { epoch } = await engine.inbox(bob)
        await reopen(engine)
        const now = await engine.inbox(bob)
        assert.notEqual(now.epoch, epoch)
        assert.equal(now.offset, 0)
        assert.equal((await engine.messagesAfter(bob, { epoch, offset: 2 }, 1)).lost, true)
      })
    }
  })

  describe('the retention of an inbox', () => {
    const hour = 3_600_000

    on('keeps the newest messages up to the limit of bytes, and one at least', async (engine) => {
      const retaining = (bytes: number) => ({ retention: { messages: 1_000, age: hour, bytes } })
      const body = 'x'.repeat(1_000)
      for (let n = 0; n < 200; n++) await deliver(engine, { body }, retaining(10_000))
      const count = (await bodies(engine, bob)).length
      assert.ok(count >= 4 && count <= 10, `${count} messages are kept`)
      assert.equal((await engine.inbox(bob)).unread, count)
      if (durable) await reopen(engine)
      assert.equal((await bodies(engine, bob)).length, count)
      assert.equal((await after(engine, bob, 0)).lost, true)
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => deliver(engine, { body: `${body} ${n}` }, retaining(1))),
      )
      assert.deepEqual(await bodies(engine, bob), [`${body} 19`])
      assert.equal((await engine.inbox(bob)).unread, 1)
    })

    on('deletes expired messages when another message comes', async (engine) => {
      await fill(engine, 3)
      const old = Date.now()
      // Long enough for the new message to be read before it expires too.
      const age = 500
      await until('it has expired', () => Promise.resolve(Date.now() > old + age))
      await deliver(engine, { body: 'new' }, { retention: { messages: 100, age, bytes: 1e9 } })
      const page = await after(engine, bob, 0)
      assert.deepEqual([page.messages.map(({ body }) => body), page.lost], [['new'], true])
      assert.deepEqual((await after(engine, bob, 3)).lost, false)
      assert.equal((await engine.inbox(bob)).unread, 1)
    })

    on('deletes expired messages of one inbox while another receives messages', async (engine) => {
      await fill(engine, 3)
      const old = Date.now()
      await until('20 ms have passed', () => Promise.resolve(Date.now() > old + 20))
      await until('it is empty', async () => {
        await deliver(engine, { from: null, to: 'cy' }, { retention: { messages: 100, age: 20, bytes: 1e9 } })
        return (await bodies(engine, bob)).length === 0
      })
      const { epoch } = await engine.inbox(bob)
      assert.deepEqual(await engine.inbox(bob), { epoch, offset: 3, readOffset: 0, unread: 0 })
      assert.equal((await after(engine, bob, 2)).lost, true)
      assert.equal((await deliver(engine)).offset, 4)
    })
  })
}
