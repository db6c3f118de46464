import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RoundRobin } from '../../src/util/round-robin.js'

const takeAll = <T>(items: RoundRobin<T>): T[] => {
  const taken: T[] = []
  for (let item; (item = items.take()) !== undefined;) taken.push(item)
  return taken
}

test('groups take turns, and the items of a group keep their order', () => {
  const items = new RoundRobin<string>()
  for (const item of ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'c2']) items.add(item, item.charAt(0))
  assert.equal(items.take(), 'a1')
  // A group that comes back waits behind those that have not had a turn.
  items.add('d1', 'd')
  items.add('a5', 'a')
  assert.deepEqual(takeAll(items), ['b1', 'c1', 'a2', 'd1', 'c2', 'a3', 'a4', 'a5'])
  assert.equal(items.take(), undefined)
})
