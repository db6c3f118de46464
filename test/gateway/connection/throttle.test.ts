import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Throttle } from '../../../src/gateway/connection/throttle.js'
import { createRateLimiter } from '../../../src/gateway/limits/rate-limiter.js'
import { holdClock } from '../../support/held-clock.js'

const BYTES_PER_SECOND = 10_000

/** The throttle of one connection, whose user sends nothing on others. `receive` returns what `update` returns for a frame. */
const startThrottle = (t: TestContext) => {
  const clock = holdClock(t)
  const rates = createRateLimiter()
  const throttle = new Throttle({ pause: () => undefined, resume: () => undefined })
  const spend = (bytes: number) => rates.spend('bytesPerSecond', 'ada', BYTES_PER_SECOND, bytes)
  const receive = (bytes: number): number | undefined => {
    throttle.recover(spend(0))
    return throttle.update(spend(bytes))
  }
  return { clock, receive }
}

test('a client that goes on sending after each pause is beyond its budget after ten seconds', (t) => {
  const { clock, receive } = startThrottle(t)
  const startedAt = performance.now()
  for (let paused; (paused = receive(15_000)) !== undefined;) clock.advance(paused)
  assert.equal(performance.now() - startedAt, 11_000)
})

test('a client that once sent too much, and was then silent, may send a burst of large frames again', (t) => {
  const { clock, receive } = startThrottle(t)
  const burst = () => [receive(7_500), receive(7_500)]
  assert.deepEqual(burst(), [0, 500])
  clock.advance(60_000)
  assert.deepEqual(burst(), [0, 500])
})
