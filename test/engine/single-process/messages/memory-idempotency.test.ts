import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StoredResult } from '../../../../src/engine/single-process/messages/idempotency.js'
import { MemoryIdempotencyKeys } from '../../../../src/engine/single-process/messages/memory-idempotency.js'

const WINDOW = 1_000

const resultAt = (offset: number): StoredResult => ({
  ...{ outcome: 'stored', offset, ownOffset: offset + 1, sentAt: 1_700_000_000_000 + offset },
})

/** Keys whose clock a test sets, and a function that adds one whose message is synced. */
const create = (maxKeys?: number) => {
  const clock = { time: 1_000_000, now: () => clock.time }
  const keys = new MemoryIdempotencyKeys(clock, maxKeys)
  const add = (key: string, offset = 1, window = WINDOW): void => {
    const result = resultAt(offset)
    const now = clock.time
    keys.add(key, { digest: 'same', result, synced: Promise.resolve(result), now, expiresAt: now + window })
  }
  return { clock, keys, add }
}

void describe('idempotency keys in memory', () => {
  void it('are found until they expire, and are new again then', async () => {
    const { clock, keys, add } = create()
    add('long', 1, 10 * WINDOW)
    add('key', 2)
    clock.time += WINDOW
    assert.deepEqual(await keys.find('key', 'same'), { ...resultAt(2), outcome: 'repeated' })
    assert.deepEqual(await keys.find('key', 'other'), { outcome: 'conflict' })
    clock.time += 2
    assert.equal(keys.find('key', 'same'), undefined)
    add('key', 3)
    assert.deepEqual(await keys.find('key', 'same'), { ...resultAt(3), outcome: 'repeated' })
    assert.deepEqual(await keys.find('long', 'same'), { ...resultAt(1), outcome: 'repeated' })
  })

  void it('are found while the message is written, and reject if that fails', async () => {
    const { clock, keys } = create()
    let fail: (error: Error) => void = () => undefined
    const synced = new Promise<StoredResult>((_, reject) => (fail = reject))
    const now = clock.time
    keys.add('key', { digest: 'same', result: resultAt(1), synced, now, expiresAt: now + WINDOW })
    const found = keys.find('key', 'same')
    fail(new Error('The disk is full.'))
    await assert.rejects(Promise.resolve(found), /The disk is full/)
  })

  void it('are bounded: beyond the bound the least recently used one is forgotten', async () => {
    const { keys, add } = create(3)
    for (const key of ['a', 'b', 'c']) add(key)
    await keys.find('a', 'same')
    add('d')
    assert.equal(keys.find('b', 'same'), undefined)
    for (const key of ['a', 'c', 'd']) assert.ok(keys.find(key, 'same'), key)
  })
})
