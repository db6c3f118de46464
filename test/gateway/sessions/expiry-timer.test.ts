import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Heartbeat } from '../../../src/gateway/connection/heartbeat.js'
import { ExpiryTimer } from '../../../src/gateway/sessions/expiry-timer.js'

const INTERVAL = 50

/** Runs an expiry timer with the heartbeat of a client that answers each ping. */
const startTimer = (t: TestContext, expiresIn: number) => {
  const startedAt = performance.now()
  let pings = 0
  let resolve: (ended: { code: string; after: number }) => void
  const ended = new Promise<{ code: string; after: number }>((resolved) => (resolve = resolved))
  const end = (code: string): void => resolve({ code, after: performance.now() - startedAt })
  const sendText = (): void => {
    pings++
    heartbeat.onFrame()
  }
  const timer = new ExpiryTimer({ end })
  const heartbeat = new Heartbeat({ end, sendText, watchExpiry: (until) => timer.watch(until) }, INTERVAL)
  timer.set(Date.now() + expiresIn)
  heartbeat.start()
  // On a busy machine a check may come late: only the timer may end the session.
  heartbeat.allowSilence(60_000)
  // The timers of a connection don't keep the process alive.
  const alive = setInterval(() => undefined, INTERVAL)
  t.after(() => {
    clearInterval(alive)
    heartbeat.stop()
    timer.stop()
  })
  return { timer, ended, pings: () => pings }
}

test('credentials that expire after several pings end the session at their time', async (t) => {
  const { ended, pings } = startTimer(t, 400)
  const { code, after } = await ended
  assert.equal(code, 'token-expired')
  assert.ok(after >= 398 && pings() >= 3, `after ${after} ms and ${pings()} pings`)
})

test('renewed credentials end the session at the new time, be it later or earlier', async (t) => {
  const later = startTimer(t, 60)
  later.timer.set(Date.now() + 300)
  assert.ok((await later.ended).after >= 298)
  const earlier = startTimer(t, 60_000)
  earlier.timer.set(Date.now() + 60)
  const { after } = await earlier.ended
  assert.ok(after >= 58 && after < 30_000)
})

test('a stopped timer ends nothing, and shows no expiry', (t) => {
  const { timer } = startTimer(t, 60_000)
  assert.ok((timer.remaining() ?? 0) > 50_000)
  timer.stop()
  timer.set(Date.now() + 1)
  assert.equal(timer.remaining(), null)
})
