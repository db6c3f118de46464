import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LruCache } from '../../src/util/lru-cache.js'

interface Value {
  key: string
  isInUse: boolean
}

const keys = Array.from({ length: 12 }, (_, n) => `${n}`)

/** Gets the key's value or sets a new one, as an engine does, which never replaces a value that is in use. */
const use = fc.record({
  do: fc.constant('use' as const),
  key: fc.constantFrom(...keys),
  isInUse: fc.boolean(),
})
const release = fc.record({ do: fc.constant('release' as const), key: fc.constantFrom(...keys) })

void describe('the LRU cache', () => {
  void it('returns the most recently used values and all that are in use, whatever the sequence of steps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.oneof(use, release)), (max, steps) => {
        const cache = new LruCache<Value>({ max, isInUse: (value) => value.isInUse })
        /** Every key's latest value, the most recently used last. */
        const latest = new Map<string, Value>()
        for (const step of steps) {
          const known = latest.get(step.key)
          if (step.do === 'release') {
            if (known) known.isInUse = false
            continue
          }
          const cached = cache.get(step.key)
          if (cached) assert.equal(cached, known, 'a value of the key is the latest')
          const value = cached ?? { key: step.key, isInUse: false }
          value.isInUse ||= step.isInUse
          if (!cached) cache.set(step.key, value)
          latest.delete(step.key)
          latest.set(step.key, value)
          const held = new Set(cache.values())
          for (const recent of [...latest.values()].slice(-max)) assert.ok(held.has(recent), 'is recent')
          for (const other of latest.values()) assert.ok(!other.isInUse || held.has(other), 'is in use')
        }
      }),
    )
  })

  void it('releases values that are no longer in use', () => {
    const cache = new LruCache<Value>({ max: 10, isInUse: (value) => value.isInUse })
    const values = Array.from({ length: 10_000 }, (_, n): Value => ({ key: `${n}`, isInUse: true }))
    for (const [n, value] of values.entries()) {
      cache.set(value.key, value)
      // A hundred values are in use at a time.
      const old = values[n - 100]
      if (old) old.isInUse = false
    }
    const held = [...cache.values()].length
    assert.ok(held >= 100 && held <= 300, `${held} values are held`)
  })
})
