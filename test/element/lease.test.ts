import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLeases } from '../../src/element/lease.js'

test('holders of one key share one thing, made once', () => {
  const leases = createLeases<string, string>(() => assert.fail('it is held'))
  assert.equal(
    leases._hold('key', 'one', () => 'made'),
    'made',
  )
  assert.equal(
    leases._hold('key', 'other', () => assert.fail('it is there')),
    'made',
  )
  assert.deepEqual([...leases._holders('key')], ['one', 'other'])
  assert.deepEqual([...leases._holders('another')], [])
})

test('what its last holder lets go of ends, and not before', () => {
  const ended: string[] = []
  const leases = createLeases<string, string>((held) => ended.push(held))
  leases._hold('key', 'one', () => 'made')
  leases._hold('key', 'other', () => 'made')
  leases._release('key', 'one')
  leases._release('key', 'somebody else')
  assert.deepEqual(ended, [])
  leases._release('key', 'other')
  assert.deepEqual(ended, ['made'])
})

test('whoever asks anew while a thing ends gets another one', () => {
  const made: string[] = []
  const leases = createLeases<string, string>(() => made.push(leases._hold('key', 'one', () => 'second')))
  leases._hold('key', 'one', () => 'first')
  leases._release('key', 'one')
  assert.deepEqual(made, ['second'])
})
