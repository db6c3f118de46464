import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from '../../../src/engine/index.js'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'
import { Visibility } from '../../../src/gateway/sessions/visibility.js'
import { holdClock } from '../../support/held-clock.js'

test('if the engine fails, the failure is counted, and the state is stored a second later', async (t) => {
  const clock = holdClock(t)
  const metrics = createMetrics()
  const calls: boolean[] = []
  const visibility = new Visibility({
    store(hidden) {
      calls.push(hidden)
      return calls.length > 1
        ? Promise.resolve()
        : Promise.reject(new EngineError('unavailable', 'The test lets this call fail.'))
    },
    takeRequest: () => 0,
    metrics,
    connection: { fail: () => assert.fail('The connection ended.') },
  })
  visibility.set(true)
  assert.match(await metrics.scrape(), /^chat_session_engine_errors_total\{code="unavailable"\} 1$/m)
  assert.deepEqual(calls, [true])
  clock.advance(1_000)
  assert.deepEqual(calls, [true, true])
  visibility.stop()
})
