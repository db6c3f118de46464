import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { addTimed } from '../../src/util/shared-timers.js'

test('an item that throws does not keep the others of its time from being called', () => {
  mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] })
  const called: string[] = []
  const at = performance.now() + 10
  addTimed(at, {
    onTime() {
      throw new Error('of the first')
    },
  })
  addTimed(at, { onTime: () => void called.push('the second') })
  // The error is thrown again by a timer of its own.
  assert.throws(() => mock.timers.tick(20), /of the first/)
  assert.deepEqual(called, ['the second'])
  mock.timers.reset()
})
