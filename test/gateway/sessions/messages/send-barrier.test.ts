// `send-order.test.ts` has the barrier of real connections.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createSendBarrier } from '../../../../src/gateway/sessions/messages/send-barrier.js'
import { holdClock } from '../../../support/held-clock.js'

const SILENCE = 10_000
const refusal = ['rate-limited', 'Too many.', 300] as const

/** A barrier that has been raised. The number of pings that its client has answered is `pongs`. */
const raised = (t: TestContext, answersPings: boolean) => {
  const clock = holdClock(t)
  const client = { pings: 0, pongs: 0 }
  const barrier = createSendBarrier(
    {
      ping: () => ++client.pings,
      hasAnswered: (ping) => client.pongs >= ping,
      answersPings: () => answersPings,
    },
    SILENCE,
  )
  assert.equal(barrier.current(), undefined)
  barrier.raise(...refusal)
  return { barrier, client, clock }
}

test('the barrier stands until its ping is answered, and says how much of `retryAfter` is left', (t) => {
  const { barrier, client, clock } = raised(t, true)
  assert.equal(client.pings, 2)
  for (const left of [300, 200, 100, 0, 0]) {
    assert.deepEqual(barrier.current(), ['rate-limited', 'Too many.', left])
    clock.advance(100)
  }
  client.pongs = 1
  assert.equal(barrier.current(), undefined)
})

for (const [what, answersPings, stands] of [
  ['answers pings: for as long as a connection may be silent', true, SILENCE],
  ['never sends `pong`: for `retryAfter`', false, 300],
] as const)
  test(`without an answer the barrier stands, before a client that ${what}`, (t) => {
    const { barrier, clock } = raised(t, answersPings)
    clock.advance(stands - 1)
    // A client that keeps sending does not raise it again.
    barrier.raise(...refusal)
    assert.ok(barrier.current())
    clock.advance(1)
    assert.equal(barrier.current(), undefined)
  })
