import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLeases } from '../../src/element/lease.js'

test('the holders of a key share one value, which is made once', () => {
  const leases = createLeases<string, string>(() => assert.fail('it has a holder'))
  assert.equal(
    leases.hold('key', 'one', () => 'made'),
    'made',
  )
  assert.equal(
    leases.hold('key', 'other', () => assert.fail('it exists')),
    'made',
  )
  assert.deepEqual([...leases.holders('key')], ['one', 'other'])
  assert.deepEqual([...leases.holders('another')], [])
})

test('a value ends when its last holder releases it, and not before', () => {
  const ended: string[] = []
  const leases = createLeases<string, string>((held) => ended.push(held))
  leases.hold('key', 'one', () => 'made')
  leases.hold('key', 'other', () => 'made')
  leases.release('key', 'one')
  leases.release('key', 'another')
  assert.deepEqual(ended, [])
  leases.release('key', 'other')
  assert.deepEqual(ended, ['made'])
})

test('holding a key while its value ends makes another value', () => {
  const made: string[] = []
  const leases = createLeases<string, string>(() => made.push(leases.hold('key', 'one', () => 'second')))
  leases.hold('key', 'one', () => 'first')
  leases.release('key', 'one')
  assert.deepEqual(made, ['second'])
})

test('a key is free after its last release, and a second release of the same holder does nothing', () => {
  const ended: string[] = []
  const leases = createLeases<string, string>((value) => ended.push(value))
  let made = 0
  const create = (): string => `value ${(made += 1)}`
  assert.equal(leases.hold('key', 'a', create), 'value 1')
  assert.equal(leases.hold('key', 'b', create), 'value 1')
  leases.release('key', 'a')
  leases.release('key', 'a')
  assert.deepEqual(ended, [])
  leases.release('key', 'b')
  leases.release('key', 'b')
  assert.deepEqual(ended, ['value 1'])
  assert.equal(leases.holders('key').size, 0)
  assert.equal(leases.hold('key', 'a', create), 'value 2')
})
