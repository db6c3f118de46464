import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Engine, Retention } from '../../../../src/engine/engine.js'
import {
  MESSAGES_PER_TALLY,
  visitTally,
  type TallyRow,
} from '../../../../src/engine/exclusive/messages/tally.js'
import { rows } from '../../../../src/engine/exclusive/store/rows.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { createPowerCutStore, engineOn, rules, withStore } from '../../../support/engine/stores.js'

const appId = 'app'
const users = ['ada', 'bob', 'cyd', 'dan', 'eve']
/** Memory for two inboxes. */
const cacheBytes = 1_000

const user = fc.constantFrom(...users)
/** Messages that are sent in one task, and share a batch. */
const group = fc.array(fc.record({ from: user, to: user }), { minLength: 1, maxLength: 4 })

void describe('the rows of inboxes', () => {
  void it('lead to every message after a power cut, whichever inboxes were evicted before', () =>
    fc.assert(
      fc.asyncProperty(fc.array(group, { maxLength: 20 }), async (groups) => {
        const { store, kept } = createPowerCutStore()
        const newest = new Map<string, number>()
        const received = new Map<string, number>()
        const add = (counts: Map<string, number>, name: string): void =>
          void counts.set(name, (counts.get(name) ?? 0) + 1)
        let id = 0
        const send = async (engine: Engine, from: string, to: string): Promise<void> => {
          const sent = engine.send({ appId, id: `${id++}`, from, to, body: 'Hello' }, rules)
          add(newest, to)
          if (from !== to) {
            add(newest, from)
            add(received, to)
          }
          const offset = newest.get(to)
          const result = await sent
          assert.equal(result.outcome === 'stored' && result.offset, offset)
        }
        const engine = await engineOn(store, { cacheBytes })
        for (const messages of groups)
          await Promise.all(messages.map(({ from, to }) => send(engine, from, to)))
        const after = await engineOn(kept, { cacheBytes })
        for (const userId of users) {
          const { offset, unread } = await after.inbox({ appId, userId })
          assert.deepEqual([offset, unread], [newest.get(userId) ?? 0, received.get(userId) ?? 0])
        }
        for (const to of users) await send(after, 'ada', to)
        await Promise.all([engine.close(), after.close()])
      }),
      { numRuns: 60 },
    ))

  void it('are read without messages when an inbox is opened again', async () => {
    const reads: string[] = []
    const memory = new MemoryStore()
    const store = withStore(memory, {
      getSync: (key) => {
        reads.push(key)
        return memory.getSync(key)
      },
    })
    const engine = await engineOn(store, { cacheBytes })
    for (let round = 0; round < 3; round++)
      for (const [n, to] of users.entries())
        // Each of these messages has a batch of its own.
        for (let id = 0; id <= n; id++)
          await engine.send({ appId, id: `${round} ${id}`, from: null, to, body: 'Hello' }, rules)
    await engine.check()
    for (const userId of users) await engine.inbox({ appId, userId })
    assert.deepEqual(
      reads.filter((key) => key.startsWith('message\0')),
      [],
    )
    await engine.close()
  })

  void it('tally every message once, however often an inbox was evicted', async () => {
    const talliedWith = async (cacheBytes: number): Promise<unknown[]> => {
      const store = new MemoryStore()
      const engine = await engineOn(store, { cacheBytes })
      for (let n = 0; n < 500; n++) {
        // An inbox gets messages of eleven peers in turn, or many of one.
        const from = n % 7 === 0 ? null : n < 250 ? `peer ${n % 11}` : (users[n % 5] ?? null)
        const to = users[Math.floor(n / 5) % 5] ?? ''
        await engine.send({ appId, id: `${n}`, from, to, body: 'Hello' }, rules)
      }
      const found = (
        await Promise.all(
          users.map((userId) => store.iterator(rows.tallies({ appId, userId }, 1, 500)).all()),
        )
      ).flat()
      await engine.close()
      return found.flatMap(([key, json]) => {
        const tally = JSON.parse(json) as TallyRow
        const messages: unknown[] = []
        visitTally(rows.offsetOf(key), tally, (...message) => messages.push([key, ...message]))
        const [peers, bytes] = tally
        const sums = new Map<string | null, number>()
        for (const [n, peer] of peers.entries()) sums.set(peer, (sums.get(peer) ?? 0) + (bytes[n] ?? 0))
        return [...messages, [key, sums]]
      })
    }
    const tallied = await talliedWith(cacheBytes)
    assert.ok(tallied.length >= users.length * (2 * MESSAGES_PER_TALLY + 2), `${tallied.length}`)
    assert.deepEqual(tallied, await talliedWith(1e6))
  })

  void it('are deleted a limited number at a time when the retention is lowered', async () => {
    const { store, batches } = createPowerCutStore()
    const engine = await engineOn(store, { cacheBytes })
    const send = (id: string, messages: number): Promise<unknown> =>
      engine.send(
        { appId, id, from: null, to: 'ada', body: 'Hello' },
        { ...rules, retention: { ...rules.retention, messages } },
      )
    await Promise.all(Array.from({ length: 3_000 }, (_, n) => send(`${n}`, 10_000)))
    const sizes: number[] = []
    for (let n = 0; n < 4; n++) {
      batches.length = 0
      await send(`last ${n}`, 10)
      const deletions = batches.flatMap(({ operations }) =>
        operations.filter(({ type, key }) => type === 'del' && key.startsWith('message\0')),
      )
      sizes.push(deletions.length)
    }
    // Each message deletes the messages that earlier ones have pushed out. The last deletion leaves 49, whose tally is not whole.
    assert.deepEqual(sizes, [0, 1_024, 1_024, 896])
    const { messages } = await engine.messagesAfter({ appId, userId: 'ada' }, { epoch: '', offset: 0 }, 5_000)
    assert.deepEqual(
      messages.map(({ offset }) => offset),
      Array.from({ length: 10 }, (_, n) => 2_995 + n),
    )
    await engine.close()
  })

  void it('are read a limited number at a time when the retention is lowered', async () => {
    let reads = 0
    const memory = new MemoryStore()
    const store = withStore(memory, {
      getSync: (key) => {
        reads++
        return memory.getSync(key)
      },
    })
    const engine = await engineOn(store, { cacheBytes })
    const send = async (id: string, to: string, retention: Partial<Retention>): Promise<unknown> => {
      const message = { appId, id, from: 'bob', to, body: 'Hello' }
      const lowered = { ...rules.retention, messages: 1_000, ...retention }
      return (await engine.send(message, { ...rules, unreadPerSender: 0.5, retention: lowered })).outcome
    }
    await Promise.all(
      ['ada', 'cyd'].flatMap((to) => Array.from({ length: 1_000 }, (_, n) => send(`${n}`, to, {}))),
    )
    // Memory has room for two inboxes, so those of ada and cyd are evicted, and opened again below.
    for (const userId of ['dan', 'eve', 'bob'])
      await engine.send({ appId, id: userId, from: null, to: userId, body: 'Hello' }, rules)
    const readsOf = async (retention: Partial<Retention>, to: string): Promise<number> => {
      const before = reads
      assert.equal(await send('last', to, retention), 'stored')
      return reads - before
    }
    assert.ok((await readsOf({ bytes: 20_000 }, 'ada')) < 64)
    assert.ok((await readsOf({ messages: 10 }, 'cyd')) < 64)
    const { messages } = await engine.messagesAfter({ appId, userId: 'ada' }, { epoch: '', offset: 0 }, 5_000)
    assert.ok(messages.length > 50 && messages.length < 150, `${messages.length} messages are retained`)
    await engine.close()
  })
})
