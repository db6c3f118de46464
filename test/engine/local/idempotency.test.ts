import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KEYS_PER_INDEX_ROW, readLastExpiry } from '../../../src/engine/local/idempotency.js'
import { LocalEngine } from '../../../src/engine/local/local-engine.js'
import { rows } from '../../../src/engine/local/rows.js'
import { put, type Operation } from '../../../src/engine/local/store.js'
import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import { until } from '../../support/until.js'
import { volumeOf, withStore } from '../stores.js'

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
})

void describe('the last expiry', () => {
  void it('is that of idempotency keys, not of revoked tokens, which are kept for longer', async () => {
    const sent = rows.idempotencyKey({ appId: 'app', from: 'ada', to: 'bob', id: '1' })
    const store = new MemoryStore()
    const tokens = Array.from({ length: 250 }, (_, n) =>
      put(rows.expiry(2_000 + n, `${n}`), [rows.revokedToken('app', `${n}`)]),
    )
    await store.batch(tokens)
    assert.equal(await readLastExpiry(store), 0)
    await store.batch([put(rows.expiry(900, 'a'), [sent]), put(rows.expiry(1_000, 'b'), [sent])])
    assert.equal(await readLastExpiry(store), 1_000)
  })
})
