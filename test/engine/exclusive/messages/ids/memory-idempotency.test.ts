import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StoredResult } from '../../../../../src/engine/exclusive/messages/ids/idempotency.js'
import { MemoryIdempotencyKeys } from '../../../../../src/engine/exclusive/messages/ids/memory-idempotency.js'

const WINDOW = 1_000

const resultAt = (offset: number): StoredResult => ({
  ...{ outcome: 'stored', offset, ownOffset: offset + 1, sentAt: 1_700_000_000_000 + offset },
})

/** Keys whose clock a test sets, and a function that adds one. */
const create = (maxKeys?: number) => {
  const clock = { time: 1_000_000 }
  const keys = new MemoryIdempotencyKeys(maxKeys)
  const find = (key: string, digest = 'same') => keys.find(key, digest, clock.time)
  const add = (key: string, offset = 1, window = WINDOW): void => {
    const result = resultAt(offset)
    const now = clock.time
    keys.add(key, { digest: 'same', result, now, expiresAt: now + window })
  }
  return { clock, keys, add, find }
}

void describe('idempotency keys in memory', () => {
  void it('are bounded: beyond the bound the older half is forgotten', async () => {
    const { add, find } = create(4)
    for (const key of ['first', 'a', 'b']) add(key)
    for (const key of ['first', 'a', 'b']) assert.ok(await find(key), key)
    add('c')
    assert.equal(find('first'), undefined)
    for (const key of ['a', 'b', 'c']) assert.ok(await find(key), key)
  })

  void it('are forgotten after they have expired, with the next messages', () => {
    const { clock, keys, add } = create()
    add('a')
    clock.time += 2 * WINDOW
    add('b')
    clock.time += 2 * WINDOW
    add('c')
    // The clock has not moved, so the keys are gone and not just expired.
    assert.equal(keys.find('a', 'same', 0), undefined)
  })
})
