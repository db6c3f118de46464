import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { retryDelay } from '../../../src/gateway/outbound/retry.js'

const DAY = 86_400_000
const HOUR = 3_600_000
const at = 1_700_000_000_000

/** Returns the pauses between the deliveries of an event whose every delivery fails at once. */
const pauses = (random: number): number[] => {
  const all: number[] = []
  let now = at
  for (let failures = 1; ; failures++) {
    const delay = retryDelay(failures, at, now, random)
    if (delay === null) return all
    all.push(delay)
    now += delay
  }
}

test('an event is delivered again after 1, 2, 5 and 15 s, then after growing pauses of an hour at most, for a day', () => {
  const all = pauses(0.5)
  assert.deepEqual(all.slice(0, 6), [1_000, 2_000, 5_000, 15_000, 30_000, 60_000])
  for (const [index, pause] of all.entries()) assert.ok(pause >= (all[index - 1] ?? 0) && pause <= HOUR)
  const total = all.reduce((sum, pause) => sum + pause, 0)
  assert.ok(total <= DAY && total > DAY - 2 * HOUR)
})

test('the first pauses are exact, the later ones differ by a fifth at most', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (random) => {
      const [all, middle] = [pauses(random), pauses(0.5)]
      assert.deepEqual(all.slice(0, 4), [1_000, 2_000, 5_000, 15_000])
      for (const [index, pause] of all.entries())
        if (middle[index] !== undefined) assert.ok(Math.abs(pause / middle[index] - 1) <= 0.2001)
    }),
  )
})

test('an event that is older than a day is not delivered again', () => {
  assert.equal(retryDelay(1, at, at + DAY), null)
  assert.equal(retryDelay(1, at, at + DAY - 1_000), 1_000)
})
