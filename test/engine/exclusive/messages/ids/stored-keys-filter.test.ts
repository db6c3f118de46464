import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoredKeysFilter } from '../../../../../src/engine/exclusive/messages/ids/stored-keys-filter.js'

const keyOf = (n: number): string => `sent\0app\0ada\0bob\0${n}`

void describe('the filter of stored keys', () => {
  void it('finds each key that was added, and few others', () => {
    const filter = new StoredKeysFilter()
    filter.setLoaded()
    for (let n = 0; n < 100_000; n++) filter.add(keyOf(n), 1_000, 1)
    let found = 0
    for (let n = 0; n < 200_000; n++) if (filter.mayHave(keyOf(n), 1)) found++
    for (let n = 0; n < 100_000; n++) assert.ok(filter.mayHave(keyOf(n), 1))
    assert.ok(found < 103_000, `${found - 100_000} of 100,000 keys that were not added`)
  })

  void it('may have any key until those from before are added, and none that has expired', () => {
    const filter = new StoredKeysFilter()
    filter.add(keyOf(1), 1_000, 1)
    assert.ok(filter.mayHave(keyOf(2), 1))
    filter.setLoaded()
    assert.ok(!filter.mayHave(keyOf(2), 1))
    assert.ok(filter.mayHave(keyOf(1), 999))
    assert.ok(!filter.mayHave(keyOf(1), 1_000))
  })

  void it('finds every key that has not expired if there are more than the filters take', () => {
    const filter = new StoredKeysFilter(1)
    filter.setLoaded()
    const count = 1_000_000
    for (let n = 0; n < count; n++) filter.add(String(n), n < 900_000 ? 2_000 : 3_000, 1)
    for (let n = 0; n < count; n += 1_001) assert.ok(filter.mayHave(String(n), 1))
    assert.ok(filter.mayHave('of a filter that was dropped', 1_999))
    assert.ok(filter.mayHave(String(count - 1), 2_500))
    assert.ok(!filter.mayHave('a key that was never added', 2_500))
  })
})
