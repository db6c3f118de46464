import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withTimeout } from '../../src/util/with-timeout.js'
import { holdClock } from '../support/held-clock.js'

const late = (): Error => new Error('late')

test('work that takes too long rejects at its time, and work that ends before does not', async (t) => {
  const clock = holdClock(t)
  const ended: string[] = []
  const endless = withTimeout(new Promise(() => undefined), 100, late).catch((error: unknown) =>
    ended.push(String(error)),
  )
  clock.advance(99)
  assert.equal(await withTimeout(Promise.resolve('in time'), 1, late), 'in time')
  assert.deepEqual(ended, [])
  clock.advance(1)
  await endless
  assert.deepEqual(ended, ['Error: late'])
})

test('work that rejects in time rejects with its own error', async () => {
  await assert.rejects(withTimeout(Promise.reject(new Error('broken')), 60_000, late), /broken/)
})
