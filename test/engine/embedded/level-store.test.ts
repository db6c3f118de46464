import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { openLevelStore, writeBufferOf } from '../../../src/engine/embedded/level-store.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'

const MB = 2 ** 20

void describe('the write buffer of LevelDB', () => {
  void it('is half of the cache, from 4 to 64 MB', () => {
    assert.deepEqual(
      [1, 8, 64, 100, 1_000].map((cache) => writeBufferOf(cache * MB) / MB),
      [4, 4, 32, 50, 64],
    )
  })

  void it('is sorted into a table when it is full', async () => {
    const small = await openLevelStore(scratchFolder(), writeBufferOf(MB))
    const large = await openLevelStore(scratchFolder(), writeBufferOf(64 * MB))
    for (const store of [small, large])
      for (let n = 0; n < 6; n++)
        await store.batch([{ type: 'put', key: `${n}`, value: randomBytes(MB / 2).toString('hex') }], {
          sync: false,
        })
    await until('a full write buffer is a table', () => small.liveTables().length > 0)
    assert.deepEqual(large.liveTables(), [])
    await Promise.all([small.close(), large.close()])
  })
})
