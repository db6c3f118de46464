import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { Reads } from '../../../../src/engine/exclusive/store/reads.js'
import { put, type Store } from '../../../../src/engine/exclusive/store/store.js'
import { scratchFolder } from '../../../support/scratch-folder.js'
import { until } from '../../../support/until.js'
import { withStore } from '../../../support/engine/stores.js'

const ROWS = 20
const EVERYTHING = { gte: 'key 00', lt: 'key 99' }

/** A store with rows, in which each read ends when the test says so. */
const openStore = async () => {
  const store = new ClassicLevel(scratchFolder())
  await store.open()
  const keys = Array.from({ length: ROWS }, (_, n) => `key ${String(n).padStart(2, '0')}`)
  await store.batch(
    keys.map((key, n) => put(key, n)),
    { sync: false },
  )
  const asked: number[] = []
  const began: { limit: number; end: (error?: Error) => void }[] = []
  const iterator: Store['iterator'] = (range) => ({
    async all() {
      asked.push(range.limit ?? 0)
      const found = await store.iterator(range).all()
      await new Promise<void>((resolve, reject) => {
        began.push({ limit: range.limit ?? 0, end: (error) => (error ? reject(error) : resolve()) })
      })
      return found
    },
  })
  return { asked, began, store: withStore(store, { iterator }) }
}

void describe('reads of rows', () => {
  void it('wait for others that read too many rows together, in their order', async () => {
    const { asked, store, began } = await openStore()
    const reads = new Reads(store, 10)
    const read = (limit: number) => reads.all<number>({ ...EVERYTHING, limit })
    const [first, second, third, fourth] = [read(6), read(4), read(5), read(1)]
    await until('two reads', () => began.length, 2)
    began.find(({ limit }) => limit === 4)?.end()
    assert.equal((await second).length, 4)
    // There is room for the fourth read, but it must not overtake the third.
    assert.deepEqual(asked, [6, 4])
    began.find(({ limit }) => limit === 6)?.end()
    assert.equal((await first).length, 6)
    await until('the others', () => began.length, 4)
    assert.deepEqual(asked, [6, 4, 5, 1])
    for (const { end } of began) end()
    assert.deepEqual(await third, (await fourth).concat((await third).slice(1)))
    await reads.idle()
  })

  void it('of more rows than may be read at once run alone', async () => {
    const { store, began } = await openStore()
    const reads = new Reads(store, 10)
    const [first, all, last] = [1, Infinity, ROWS].map((limit) => reads.all({ ...EVERYTHING, limit }))
    await until('the first', () => began.length, 1)
    began[0]?.end()
    await first
    await until('the one without a limit', () => began.length, 2)
    began[1]?.end()
    assert.equal((await all)?.length, ROWS)
    await until('the last', () => began.length, 3)
    began[2]?.end()
    assert.equal((await last)?.length, ROWS)
  })

  void it('that fail make room, and those that wait are under way', async () => {
    const { store, began } = await openStore()
    const reads = new Reads(store, 10)
    const [failed, waiting] = [10, 10].map((limit) => reads.all({ ...EVERYTHING, limit }))
    let isIdle = false
    const idle = reads.idle().then(() => (isIdle = true))
    await until('the first', () => began.length, 1)
    began[0]?.end(new Error('a failing disk'))
    await assert.rejects(failed ?? Promise.resolve(), { code: 'unavailable' })
    await until('the second', () => began.length, 2)
    assert.equal(isIdle, false)
    began[1]?.end()
    assert.equal((await waiting)?.length, 10)
    await idle
  })
})
