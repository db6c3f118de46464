import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLeases, type Holder } from '../../src/session/lease.js'

const holder = (): Holder & { released: (key: string) => void; lost: string[] } => {
  const lost: string[] = []
  return { lost, released: (key) => void lost.push(key) }
}

const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

const leasesOf = (): { ended: string[]; leases: ReturnType<typeof createLeases<Holder, string>> } => {
  const ended: string[] = []
  return { ended, leases: createLeases<Holder, string>((held) => ended.push(held)) }
}

test('holders of one key share one thing, made once', () => {
  const { leases } = leasesOf()
  const [one, other] = [holder(), holder()]
  assert.equal(
    leases.hold('key', one, () => 'made'),
    'made',
  )
  assert.equal(
    leases.hold('key', other, () => assert.fail('it is there')),
    'made',
  )
  assert.deepEqual([...leases.holders('key')], [one, other])
  assert.deepEqual([...leases.holders('another')], [])
})

test('it ends a task after its last holder let go, and tells who let go', async () => {
  const { leases, ended } = leasesOf()
  const [one, other] = [holder(), holder()]
  leases.hold('key', one, () => 'made')
  leases.hold('key', other, () => 'made')
  leases.release('key', one)
  await nextTask()
  assert.deepEqual([ended, one.lost, other.lost], [[], ['key'], []])
  leases.release('key', other)
  assert.deepEqual(ended, [])
  await nextTask()
  assert.deepEqual([ended, other.lost], [['made'], ['key']])
})

test('a holder that is back by the end of the next task lost nothing', async () => {
  const { leases, ended } = leasesOf()
  const one = holder()
  leases.hold('key', one, () => 'made')
  leases.release('key', one)
  assert.equal(
    leases.hold('key', one, () => assert.fail('it is there')),
    'made',
  )
  await nextTask()
  assert.deepEqual([ended, one.lost], [[], []])
})

test('what is dropped ends at once, unless others hold it', () => {
  const { leases, ended } = leasesOf()
  const [one, other] = [holder(), holder()]
  leases.hold('key', one, () => 'made')
  leases.hold('key', other, () => 'made')
  leases.drop('key', one)
  assert.deepEqual(ended, [])
  leases.drop('key', other)
  assert.deepEqual(ended, ['made'])
})
