import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BriefMap } from '../../src/util/brief-map.js'

test('keeps, replaces and deletes values', () => {
  const map = new BriefMap<{ n: number }>()
  const keys = Array.from({ length: 2_000 }, (_, n) => `key ${n}`)
  keys.forEach((key, n) => map.set(key, { n }))
  keys.forEach((key, n) => map.set(key, { n: 2 * n }))
  assert.deepEqual(
    keys.map((key) => map.get(key)?.n),
    keys.map((_, n) => 2 * n),
  )
  assert.equal(map.get('another'), undefined)
  map.delete('another')
  for (const [n, key] of keys.entries()) if (n % 2) map.delete(key)
  assert.deepEqual(
    map
      .values()
      .map(({ n }) => n)
      .sort((a, b) => a - b),
    keys.map((_, n) => 2 * n).filter((_, n) => n % 2 === 0),
  )
  for (const key of keys) map.delete(key)
  assert.deepEqual(map.values(), [])
})

test('a young collection of garbage frees what was deleted', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void
  const map = new BriefMap<number[]>()
  const churn = (from: number, to: number): void => {
    for (let n = from; n < to; n++) {
      map.set(`key ${n}`, new Array<number>(100).fill(n))
      map.delete(`key ${n - 100}`)
    }
  }
  churn(0, 100)
  // Moves the map to the old generation.
  collect()
  const before = process.memoryUsage().heapUsed
  churn(100, 20_000)
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  const kept = process.memoryUsage().heapUsed - before
  // All values together take 16 MB.
  assert.ok(kept < 2e6, `${kept} bytes`)
})
