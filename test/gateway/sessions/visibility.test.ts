import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Visibility } from '../../../src/gateway/sessions/visibility.js'
import { holdClock } from '../../support/held-clock.js'

test('if the engine fails, the state is stored a second later', async (t) => {
  const clock = holdClock(t)
  const calls: boolean[] = []
  const visibility = new Visibility({
    store(hidden) {
      calls.push(hidden)
      return calls.length > 1 ? Promise.resolve() : Promise.reject(new Error('The test lets this call fail.'))
    },
    takeRequest: () => 0,
    connection: { surviveEngineError: (work, prepareRetry) => work.then(() => undefined, prepareRetry) },
  })
  visibility.set(true)
  assert.deepEqual(calls, [true])
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(1_000)
  assert.deepEqual(calls, [true, true])
  visibility.stop()
})
