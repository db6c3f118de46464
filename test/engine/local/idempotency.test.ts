import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SendResult } from '../../../src/engine/index.js'
import { KEYS_PER_INDEX_ROW } from '../../../src/engine/local/idempotency.js'
import { LocalEngine } from '../../../src/engine/local/local-engine.js'
import { rows } from '../../../src/engine/local/rows.js'
import { put, type Operation } from '../../../src/engine/local/store.js'
import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import { contentDigest } from '../../../src/engine/util/content-digest.js'
import { until } from '../../support/until.js'
import { rules, volumeOf, withStore } from '../stores.js'

/** A store with so many index rows of expired keys, which list `keys` keys each. */
const withExpiredKeys = async (indexRows: number, keys: number): Promise<MemoryStore> => {
  const operations: Operation[] = []
  for (let row = 0; row < indexRows; row++) {
    const listed = Array.from({ length: keys }, (_, n) =>
      rows.idempotencyKey({ appId: 'app', from: 'ada', to: 'bob', id: `${row} ${n}` }),
    )
    for (const key of listed) operations.push(put(key, [1, 'digest', 1, 1, 1]))
    operations.push(put(rows.expiry(1, `${row}`), listed))
  }
  const store = new MemoryStore()
  await store.batch(operations)
  return store
}

/** The reads of the sweep: the index rows, and the keys that were read after each read of index rows. */
const readsOfSweep = async (memory: MemoryStore): Promise<{ indexRows: number; keys: number[] }> => {
  const keys: number[] = [0]
  let indexRows = 0
  const store = withStore(memory, {
    getSync: (key) => {
      if (key.startsWith('sent\0')) keys.push((keys.pop() ?? 0) + 1)
      return memory.getSync(key)
    },
    iterator: (range) => ({
      all: async () => {
        const found = await memory.iterator(range).all()
        if (range.gte.startsWith('until\0')) {
          indexRows += found.length
          keys.push(0)
        }
        return found
      },
    }),
  })
  const engine = new LocalEngine(() => Promise.resolve(volumeOf(store)))
  await engine.open()
  const index = { gte: 'until\0', lt: 'until\x01' }
  // A batch deletes the keys with their index row.
  await until('the keys are deleted', async () => (await memory.iterator(index).all()).length, 0)
  await engine.close()
  return { indexRows, keys }
}

void describe('the sweep of idempotency keys', () => {
  void it('reads few index rows in vain, and a limited number of keys in a step', async () => {
    const { indexRows, keys } = await readsOfSweep(await withExpiredKeys(20, KEYS_PER_INDEX_ROW))
    assert.ok(indexRows <= 40, `${indexRows} index rows were read`)
    assert.ok(Math.max(...keys) <= 3 * KEYS_PER_INDEX_ROW, `${Math.max(...keys)} keys were read in a step`)
  })

  void it('takes more index rows in a step if they list few keys', async () => {
    const { indexRows, keys } = await readsOfSweep(await withExpiredKeys(200, 1))
    assert.ok(indexRows < 220, `${indexRows} index rows were read`)
    assert.ok(keys.length < 20, `${keys.length} steps`)
  })

  void it('keeps an expired key that is sent again before the deletion is written', async () => {
    const message = { appId: 'app', from: 'ada', to: 'bob', id: '0 0', body: 'Hello' }
    const key = rows.idempotencyKey(message)
    const memory = await withExpiredKeys(1, 1)
    let sent: Promise<SendResult> | undefined
    const send = (): Promise<SendResult> => engine.send(message, rules)
    const store = withStore(memory, {
      getSync(asked) {
        // The sweep reads the key, and in the same turn asks for its deletion.
        if (asked === key && !sent) queueMicrotask(() => void (sent ??= send()))
        return memory.getSync(asked)
      },
    })
    const engine = new LocalEngine(() => Promise.resolve(volumeOf(store)))
    await engine.open()
    await until('the key is sent again', () => sent !== undefined)
    assert.equal((await sent)?.outcome, 'stored')
    await until('the index row is deleted', () => memory.getSync(rows.expiry(1, '0')) === undefined)
    assert.equal((await send()).outcome, 'repeated')
    await engine.close()
  })
})

void describe('the filter of idempotency keys after a restart', () => {
  void it('gets the keys that are stored in steps, and every key is found before and after', async () => {
    const memory = new MemoryStore()
    const expiresAt = Date.now() + 3_600_000
    const message = (id: string) => ({ appId: 'app', from: 'ada', to: 'bob', id, body: 'Hello' })
    const ids = Array.from({ length: 100 }, (_, n) => `${n}`)
    for (const [n, id] of ids.entries()) {
      const key = rows.idempotencyKey(message(id))
      await memory.batch([
        put(key, [expiresAt + n, contentDigest(message(id)), n, n, 1]),
        // The rows of revoked tokens are in the index too.
        put(rows.expiry(expiresAt + n, `${n}`), n % 2 ? [key] : [rows.revokedToken('app', id), key]),
      ])
    }
    const lookUps: string[] = []
    let pages = 0
    let mayLoad = (): void => undefined
    const loading = new Promise<void>((resolve) => (mayLoad = resolve))
    const store = withStore(memory, {
      getSync: (key) => {
        if (key.startsWith('sent\0')) lookUps.push(key)
        return memory.getSync(key)
      },
      iterator: (range) => ({
        all: async () => {
          const isPage = range.limit === 32 && range.gte.startsWith('until\0')
          // The first page is read before the engine is open.
          if (isPage && pages++ > 0) await loading
          return memory.iterator(range).all()
        },
      }),
    })
    const engine = new LocalEngine(() => Promise.resolve(volumeOf(store)))
    await engine.open()
    const outcome = async (id: string): Promise<string> => (await engine.send(message(id), rules)).outcome
    for (const id of ids) assert.equal(await outcome(id), 'repeated')
    assert.equal(await outcome('first'), 'stored')
    assert.ok(lookUps.includes(rows.idempotencyKey(message('first'))))
    mayLoad()
    let next = 0
    await until(
      'a new id is not looked up',
      async () => {
        const id = `new ${next++}`
        assert.equal(await outcome(id), 'stored')
        return lookUps.includes(rows.idempotencyKey(message(id)))
      },
      false,
    )
    assert.equal(pages, 4)
    for (const id of [...ids, 'first', 'new 0']) assert.equal(await outcome(id), 'repeated')
    await engine.close()
  })
})
