import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLeases } from '../../src/element/lease.js'

test('holders of one key share one thing, made once', () => {
  const leases = createLeases<string, string>(() => assert.fail('it is held'))
  assert.equal(
    leases.hold('key', 'one', () => 'made'),
    'made',
  )
  assert.equal(
    leases.hold('key', 'other', () => assert.fail('it is there')),
    'made',
  )
  assert.deepEqual([...leases.holders('key')], ['one', 'other'])
  assert.deepEqual([...leases.holders('another')], [])
})

test('what its last holder lets go of ends, and not before', () => {
  const ended: string[] = []
  const leases = createLeases<string, string>((held) => ended.push(held))
  leases.hold('key', 'one', () => 'made')
  leases.hold('key', 'other', () => 'made')
  leases.release('key', 'one')
  leases.release('key', 'somebody else')
  assert.deepEqual(ended, [])
  leases.release('key', 'other')
  assert.deepEqual(ended, ['made'])
})

test('whoever asks anew while a thing ends gets another one', () => {
  const made: string[] = []
  const leases = createLeases<string, string>(() => made.push(leases.hold('key', 'one', () => 'second')))
  leases.hold('key', 'one', () => 'first')
  leases.release('key', 'one')
  assert.deepEqual(made, ['second'])
})
