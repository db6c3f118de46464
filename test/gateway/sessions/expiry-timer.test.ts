import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Heartbeat } from '../../../src/gateway/connection/heartbeat.js'
import { ExpiryTimer } from '../../../src/gateway/sessions/expiry-timer.js'
import { holdClock } from '../../support/held-clock.js'

const INTERVAL = 50

/** Runs an expiry timer with the heartbeat of a client that answers each ping. `ends` has the times at which it ended the session. */
const startTimer = (t: TestContext, expiresIn: number) => {
  const clock = holdClock(t)
  const ends: [code: string, at: number][] = []
  let pings = 0
  const end = (code: string): void => void ends.push([code, performance.now()])
  const sendText = (): void => {
    pings++
    heartbeat.onFrame()
  }
  const timer = new ExpiryTimer({ end })
  const heartbeat = new Heartbeat({ end, sendText, watchExpiry: (until) => timer.watch(until) }, INTERVAL)
  timer.set(Date.now() + expiresIn)
  heartbeat.start()
  t.after(() => {
    heartbeat.stop()
    timer.stop()
  })
  return { clock, timer, ends, pings: () => pings }
}

test('credentials that expire after several pings end the session at their time', (t) => {
  const { clock, ends, pings } = startTimer(t, 420)
  clock.advance(419)
  assert.deepEqual([ends, pings()], [[], 8])
  clock.advance(1)
  assert.deepEqual(ends, [['token-expired', 420]])
})

for (const [what, first, second] of [
  ['later', 60, 300],
  ['earlier', 60_000, 60],
] as const)
  test(`renewed credentials that expire ${what} end the session at the new time`, (t) => {
    const { clock, timer, ends } = startTimer(t, first)
    timer.set(Date.now() + second)
    clock.advance(second - 1)
    assert.deepEqual(ends, [])
    clock.advance(1)
    assert.deepEqual(ends, [['token-expired', second]])
  })

test('a stopped timer ends nothing, and shows no expiry', (t) => {
  const { clock, timer, ends } = startTimer(t, 60_000)
  assert.equal(timer.remaining(), 60_000)
  timer.stop()
  timer.set(Date.now() + 1)
  assert.equal(timer.remaining(), null)
  clock.advance(1_000)
  assert.deepEqual(ends, [])
})

test('of sessions whose credentials expire at the same time, few end in one turn, and none that is renewed meanwhile', async (t) => {
  const clock = holdClock(t)
  const count = 100
  let ends = 0
  const timers = Array.from({ length: count }, () => new ExpiryTimer({ end: () => (ends += 1) }))
  for (const timer of timers) {
    timer.set(Date.now() + 60)
    timer.watch(1_000)
  }
  clock.advance(60)
  const atOnce = ends
  timers.at(-1)?.set(Date.now() + 60_000)
  let largest = 0
  for (let before = -1; ends > before;) {
    before = ends
    await new Promise((resolve) => setImmediate(resolve))
    largest = Math.max(largest, ends - before)
  }
  assert.ok(atOnce <= 32 && largest <= 32, `${atOnce}, and then ${largest} in one turn`)
  assert.equal(ends, count - 1)
  for (const timer of timers) timer.stop()
})
