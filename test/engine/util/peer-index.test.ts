import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { directions } from '../../../src/engine/decide/messages/inbox.js'
import { PeerIndex } from '../../../src/engine/util/peer-index.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const liveBytes = (): number => {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

void describe('an index of peers', () => {
  void it('forgets peers without messages, so that it does not grow', () => {
    const index = new PeerIndex('me')
    for (let offset = 1; offset <= 100_000; offset++) {
      index.add(offset, `peer ${offset}`, directions.received)
      index.forgetBefore(offset - 9)
    }
    assert.deepEqual(index.newestBefore(Infinity, 100).length, 10)
    assert.ok(index.bytes < 10_000, `it takes ${index.bytes} bytes`)
  })

  void it('knows no message at an offset that was left out', () => {
    const index = new PeerIndex('me')
    for (let offset = 1; offset <= 9; offset++) index.add(offset, 'ann', directions.received)
    index.forgetBefore(20)
    index.add(20, 'ann', directions.received)
    index.add(22, 'ann', directions.received)
    assert.deepEqual(index.pageOf('ann', { after: 0 }, 9), { offsets: [20, 22], next: null })
  })

  for (const { what, count, messages, idOf } of [
    { what: 'one message', count: 4_000, messages: 1, idOf: (n: number) => `peer ${n}` },
    { what: 'many peers', count: 40, messages: 1_000, idOf: (n: number) => `peer ${n}` },
    { what: 'long ids', count: 40, messages: 1_000, idOf: (n: number) => `peer ${n}`.padEnd(128, 'ж') },
  ])
    void it(`says about how many bytes it takes: ${what}`, () => {
      const make = (owner: number): PeerIndex => {
        const index = new PeerIndex('me')
        for (let offset = 1; offset <= messages; offset++)
          // A text that was joined of others would share their memory.
          index.add(offset, Buffer.from(idOf(owner * messages + offset)).toString(), directions.received)
        return index
      }
      make(0)
      const before = liveBytes()
      const indexes = Array.from({ length: count }, (_, owner) => make(owner))
      const real = (liveBytes() - before) / count
      const ratio = real / (indexes[0]?.bytes ?? 0)
      assert.ok(ratio > 0.5 && ratio < 1.5, `${real} bytes`)
    })
})
