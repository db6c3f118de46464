import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { it } from 'node:test'
import { slotOf, SLOTS } from '../../../../src/engine/redis/client/key-slot.js'
import {
  fnv1a,
  PARTITION_COUNT,
  Partitions,
  partitionTags,
} from '../../../../src/engine/redis/nodes/partitions.js'

it('hashes as the specifications of CRC-16 and FNV-1a say', () => {
  assert.equal(slotOf('123456789'), 0x31c3)
  assert.deepEqual(['', 'a', 'foobar'].map(fnv1a), [0x811c9dc5, 0xe40c292c, 0xbf9cf968])
  assert.equal(fnv1a('aé'), 0x79d7a1fc)
})

it('has tags that never change: another tag would move every key', () => {
  const tags = partitionTags()
  assert.equal(tags.length, PARTITION_COUNT)
  assert.equal(new Set(tags).size, PARTITION_COUNT)
  assert.equal(
    createHash('sha256').update(tags.join(' ')).digest('hex'),
    'e1e5d87608136c24223776d921dc669d6b6fb118353b098c801ff0b44babd548',
  )
})

it('assigns users to partitions that never change', () => {
  const partitions = new Partitions()
  const users = ['ada', 'bob', 'guest:1', '😀', 'é', '12345'].map((userId) => ({ appId: 'app', userId }))
  assert.deepEqual(
    users.map((of) => partitions.of(of)),
    [864, 127, 793, 329, 836, 23],
  )
})

it('spreads partitions evenly over masters, of which each has a range of slots', () => {
  const slots = partitionTags().map(slotOf)
  for (let masters = 3; masters <= 12; masters++) {
    const counts = Array.from({ length: masters }, () => 0)
    for (const slot of slots) {
      const master = Math.floor((slot * masters) / SLOTS)
      counts[master] = (counts[master] ?? 0) + 1
    }
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 3, `${masters} masters: ${counts.join(' ')}`)
  }
})

it('spreads users evenly over partitions', () => {
  const partitions = new Partitions()
  const counts = new Map<number, number>()
  for (let n = 0; n < 200 * PARTITION_COUNT; n++) {
    const partition = partitions.of({ appId: 'app', userId: `user ${n}` })
    counts.set(partition, (counts.get(partition) ?? 0) + 1)
  }
  assert.equal(counts.size, PARTITION_COUNT)
  // With 200 users each, a standard deviation is 14.
  assert.ok(Math.max(...counts.values()) < 290, `${Math.max(...counts.values())}`)
  assert.ok(Math.min(...counts.values()) > 120, `${Math.min(...counts.values())}`)
})
