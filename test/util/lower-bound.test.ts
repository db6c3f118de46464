import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { lowerBound } from '../../src/util/lower-bound.js'

const number = fc.integer({ min: -50, max: 5_000 })

void describe('the lower bound', () => {
  void it('is the first number for which the predicate is false, within the range', () => {
    fc.assert(
      fc.property(number, number, number, (from, to, point) => {
        const found = lowerBound(from, to, (at) => {
          assert.ok(at >= from && at < to, `${at} is within the range`)
          return at < point
        })
        assert.equal(found, Math.max(from, Math.min(point, to)))
      }),
    )
  })

  void it('is found with one call if it is the first number, and with few if it is far away', () => {
    const callsUpTo = (point: number): number => {
      let calls = 0
      lowerBound(0, 1_000_000, (at) => {
        calls++
        return at < point
      })
      return calls
    }
    assert.equal(callsUpTo(0), 1)
    assert.ok(callsUpTo(1) <= 3)
    assert.ok(callsUpTo(900_000) <= 42)
  })
})
