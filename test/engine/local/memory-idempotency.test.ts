import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StoredResult } from '../../../src/engine/local/idempotency.js'
import { MemoryIdempotencyKeys } from '../../../src/engine/local/memory-idempotency.js'
import { Clock } from '../../../src/util/clock.js'
import { Scheduler } from '../../../src/util/scheduler.js'
import { until } from '../../support/until.js'

const START = 1_000_000
const WINDOW = 1_000

const withKeys = async (use: (keys: MemoryIdempotencyKeys) => void | Promise<void>): Promise<void> => {
  const scheduler = new Scheduler(new Clock(START), () => true, assert.ifError)
  await use(new MemoryIdempotencyKeys(scheduler))
  await scheduler.stop()
}

const resultAt = (offset: number): StoredResult => ({
  ...{ outcome: 'stored', offset, ownOffset: offset + 1, sentAt: 1_700_000_000_000 + offset },
})

/** Adds a key whose message is synced. */
const add = (keys: MemoryIdempotencyKeys, key: string, now: number, offset = 1, window = WINDOW): void => {
  const result = resultAt(offset)
  const synced = Promise.resolve(result)
  keys.add(key, { digest: 'same', result, synced, now, expiresAt: now + window }).settle()
}

void describe('idempotency keys in memory', () => {
  void it('are found until they expire, in each generation', () =>
    withKeys(async (keys) => {
      for (let n = 0; n < 100; n++) add(keys, `${n}`, START + n * 20, n)
      const now = START + 99 * 20
      for (let n = 0; n < 100; n++) {
        const found = await keys.find(`${n}`, 'same', now)
        const isValid = START + n * 20 + WINDOW > now
        assert.deepEqual(found, isValid ? { ...resultAt(n), outcome: 'repeated' } : undefined)
      }
      assert.deepEqual(await keys.find('99', 'other', now), { outcome: 'conflict' })
    }))

  void it('are new again after they have expired, also if an older generation still has them', () =>
    withKeys(async (keys) => {
      add(keys, 'long', START, 1, 10 * WINDOW)
      add(keys, 'key', START + 1, 2)
      assert.equal(keys.find('key', 'same', START + 1 + WINDOW), undefined)
      add(keys, 'key', START + 4 * WINDOW, 3)
      assert.deepEqual(await keys.find('key', 'same', START + 4 * WINDOW + 1), {
        ...{ ...resultAt(3), outcome: 'repeated' },
      })
      assert.notEqual(keys.find('long', 'same', START + 4 * WINDOW), undefined)
    }))

  void it('are found while the message is written, and reject if that fails', () =>
    withKeys(async (keys) => {
      let fail: (error: Error) => void = () => undefined
      const synced = new Promise<StoredResult>((_, reject) => (fail = reject))
      keys.add('key', { digest: 'same', result: resultAt(1), synced, now: START, expiresAt: START + WINDOW })
      const found = keys.find('key', 'same', START)
      fail(new Error('The disk is full.'))
      await assert.rejects(Promise.resolve(found), /The disk is full/)
    }))

  void it('are forgotten in the background', () =>
    withKeys(async (keys) => {
      add(keys, 'brief', START, 1, 50)
      assert.notEqual(keys.find('brief', 'same', START), undefined)
      // Before the time at which it expires, it is found unless it was forgotten.
      await until('the key is forgotten', () => keys.find('brief', 'same', START) === undefined)
    }))

  void it('compare long content by its hash and short content as it is', () =>
    withKeys((keys) => {
      const digestOf = (body: string): string =>
        keys.digestOf({ appId: 'app', id: '1', from: 'ada', to: 'bob', body })
      assert.equal(digestOf('Hello'), '"Hello')
      const [long, other] = [digestOf('a'.repeat(10_000)), digestOf(`${'a'.repeat(9_999)}b`)]
      assert.notEqual(long, other)
      assert.equal(long.length, 43)
    }))
})
