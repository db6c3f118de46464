// A node has an index of an inbox's peers, which it completes from a list in Redis.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../../src/engine/index.js'
import type { RedisClientOptions } from '../../../../src/engine/redis/client/index.js'
import type { RedisClient } from '../../../../src/engine/redis/client/port.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { redisTarget } from '../../../../src/engine/redis/transfer/target.js'
import { pagesOf } from '../../../support/engine/copied-data.js'
import { bob, deliver, newMessage, whileOpen } from '../../../../src/engine/suite/kit.js'
import type { TransferRecord } from '../../../../src/engine/transfer.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { hookedClient } from '../../../support/redis/hooked-client.js'
import { standalone } from '../../../support/redis/server.js'

const server = await standalone()
const options: RedisClientOptions = { type: 'single', url: server.url }
const engines = redisEngines(() => options)
const age = 3_600_000

const withEngine = (prefix: string, work: (engine: Engine) => Promise<void>): Promise<void> =>
  whileOpen(engines.createWith(prefix), work)

const newestOf = async (engine: Engine): Promise<[string | null, number][]> =>
  (await engine.peers(bob, null, 10)).peers.map(({ id, newest }) => [id, newest.offset])

/** The offsets of all messages with a peer, in pages that follow each other in one direction. */
const offsetsWith = async (engine: Engine, peer: string, isBackwards: boolean): Promise<number[]> => {
  const pages: number[][] = []
  for (let from: number | null = null; ;) {
    const range = isBackwards ? { before: from } : { after: from ?? 0 }
    const page = await engine.messagesWith(bob, peer, range, 1_000)
    const offsets = page.messages.map(({ offset }) => offset)
    pages[isBackwards ? 'unshift' : 'push'](offsets)
    from = page.next
    if (from === null) return pages.flat()
  }
}

/** A message of Bob's inbox, as a transfer brings it. */
const transferred = (offset: number, from: string): TransferRecord => {
  const { id } = newMessage()
  const message = { offset, id, from, to: 'bob', sender: null, body: 'Hi', sentAt: 1 }
  return { kind: 'message', ...bob, message, size: 100, age: 0, sent: null, isRead: false }
}

it('knows the peers of an inbox that a transfer has brought with holes, and of the messages after it', async () => {
  const [first, last, newest, prefix] = [3, 9_000, 9_100, 'transferred:']
  const offsets = Array.from({ length: last - first + 1 }, (_, n) => first + n).filter((each) => each % 7 > 0)
  const senderOf = (offset: number): string => (offset % 3 === 0 ? 'ada' : 'cy')
  const inbox = { deletions: 0, offset: newest, first, readOffset: 0, marks: [] }
  const messages = offsets.map((offset) => transferred(offset, senderOf(offset)))
  await redisTarget({ server: options, prefix })(
    pagesOf({ kind: 'inbox', ...bob, ...inbox }, ...messages),
    false,
  )

  const retention = { messages: 10_000, age, bytes: 1e9 }
  await withEngine(prefix, async (engine) => {
    const check = async (): Promise<void> => {
      for (const peer of ['ada', 'cy'])
        for (const isBackwards of [true, false])
          assert.deepEqual(
            await offsetsWith(engine, peer, isBackwards),
            offsets.filter((offset) => senderOf(offset) === peer),
          )
    }
    await check()
    await deliver(engine, { from: 'dan' }, { retention })
    await check()
    assert.deepEqual(await offsetsWith(engine, 'dan', true), [newest + 1])
  })
  await withEngine(prefix, async (engine) => {
    assert.deepEqual(await newestOf(engine), [
      ['dan', newest + 1],
      ['ada', last],
      ['cy', last - 1],
    ])
    // The list is trimmed.
    for (let n = 0; n < 200; n++)
      await deliver(engine, { from: `peer ${n}` }, { retention: { ...retention, messages: 5 } })
    assert.deepEqual(
      (await newestOf(engine)).map(([id]) => id),
      [199, 198, 197, 196, 195].map((n) => `peer ${n}`),
    )
  })
})

it('keeps the list of an inbox as short as the inbox, and deletes it with the user', () =>
  withEngine('trimmed:', async (engine) => {
    const key = 'trimmed:*:peerLog:*bob'
    const kept = 5
    const retention = { messages: kept, age, bytes: 1e9 }
    for (let n = 0; n < 200; n++) await deliver(engine, { from: `peer ${n}` }, { retention })
    const length = Number(await server.command('llen', await server.command('keys', key)))
    // Each 64th message deletes those of before.
    assert.ok(length >= kept && length < kept + 64, `${length}`)
    assert.equal((await newestOf(engine)).length, kept)
    await engine.deleteUser(bob)
    assert.equal((await server.command('keys', key)).trim(), '')
  }))

/** Calls `work` with an engine, and with one before each of whose calls of a script `before` is called with the first. */
const withHooked = (
  prefix: string,
  name: string,
  before: (engine: Engine) => Promise<unknown>,
  work: (engine: Engine, hooked: Engine) => Promise<void>,
): Promise<void> =>
  withEngine(prefix, async (engine) => {
    const client = (): RedisClient => hookedClient(options, (called) => called === name && before(engine))
    const hooked = createSharedEngine({ client, prefix, onError: assert.ifError })
    await whileOpen(hooked, () => work(engine, hooked))
  })

it('a mark stays as long as a message that came while it was set', () => {
  const retention = { messages: 2, age, bytes: 1e9 }
  return withHooked(
    'mark:',
    'markRead',
    (engine) => deliver(engine, { from: 'ada' }, { retention }),
    async (engine, hooked) => {
      await deliver(engine, { from: 'ada' }, { retention })
      const { epoch } = await engine.inbox(bob)
      const read = await hooked.markPeerRead(bob, 'ada', { epoch, offset: 99 })
      assert.deepEqual([read?.inbox.offset, read?.peer.readOffset, read?.peer.unread], [2, 2, 0])
      await deliver(engine, { from: 'cy' }, { retention })
      const { peers } = await engine.peers(bob, null, 10)
      assert.deepEqual(
        peers.map(({ id, unread, readOffset }) => [id, unread, readOffset]),
        [
          ['cy', 1, 0],
          ['ada', 0, 2],
        ],
      )
    },
  )
})

it("a mark stays though the list of peers loses the items of the caller's index while the mark is set", () => {
  const retention = { messages: 2, age, bytes: 1e9 }
  return withHooked(
    'shortened:',
    'markRead',
    async (engine) => {
      for (let n = 0; n < 200; n++) await deliver(engine, { from: 'cy' }, { retention })
      await deliver(engine, { from: 'ada' }, { retention })
    },
    async (engine, hooked) => {
      await deliver(engine, { from: 'ada' }, { retention })
      const { epoch } = await engine.inbox(bob)
      const read = await hooked.markPeerRead(bob, 'ada', { epoch, offset: 999 })
      assert.deepEqual([read?.inbox.offset, read?.peer.readOffset, read?.peer.unread], [202, 202, 0])
    },
  )
})

it('answers though messages come faster than it asks', () => {
  let count = 0
  return withHooked(
    'busy:',
    'inboxPeers',
    (engine) => deliver(engine, { from: `peer ${++count}` }),
    async (_, hooked) => {
      const newest = await newestOf(hooked)
      const [[, offset] = ['', 0]] = newest
      assert.ok(offset >= 1 && offset < count, `${offset} of ${count} messages`)
      const expected = Array.from({ length: Math.min(offset, 10) }, (_, n) => [
        `peer ${offset - n}`,
        offset - n,
      ])
      assert.deepEqual(newest, expected)
    },
  )
})
