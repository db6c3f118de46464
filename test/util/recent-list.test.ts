import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentList } from '../../src/util/recent-list.js'

const begin = performance.now()

test('items are forgotten after so many beats, and not before', () => {
  const list = new RecentList<string>({ keptFor: 3, maxBytes: 100 })
  list.note('a', 1)
  list.beat()
  list.note('b', 1)
  list.beat()
  assert.deepEqual([list.since(begin), list.hasAllSince(begin)], [['a', 'b'], true])
  list.beat()
  assert.deepEqual([list.since(begin), list.hasAllSince(begin)], [['b'], false])
  list.beat()
  assert.deepEqual(list.since(begin), [])
  assert.ok(list.hasAllSince(performance.now()), 'nothing has come since')
})

test('the oldest items go when all together have too many bytes, even between two beats', () => {
  const list = new RecentList<number>({ keptFor: 3, maxBytes: 100 })
  for (let n = 1; n <= 10; n++) list.note(n, 10)
  assert.ok(list.hasAllSince(begin))
  for (let n = 11; n <= 20; n++) list.note(n, 10)
  assert.ok(!list.hasAllSince(begin))
  const [oldest = 0] = list.since(begin)
  assert.ok(oldest >= 10 && oldest <= 11, String(oldest))
})

test('what was noted before a time is left out, but for the items of its own beat', () => {
  const list = new RecentList<string>({ keptFor: 9, maxBytes: 100 })
  list.note('before', 1)
  list.beat()
  list.note('of the beat', 1)
  const time = performance.now()
  list.note('after', 1)
  assert.deepEqual(list.since(time), ['of the beat', 'after'])
})
