import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heartbeat } from '../../../src/gateway/connection/heartbeat.js'
import { holdClock } from '../../support/held-clock.js'

const INTERVAL = 1_000
/** Milliseconds from one time of pings to the next. */
const GRID = 10

/** Starts the heartbeat of a client. The times of its pings and of its end are those of the monotonic clock. */
const startHeartbeat = () => {
  const pings: number[] = []
  const ends: { code: string; at: number }[] = []
  const heartbeat = new Heartbeat(
    {
      sendText: () => void pings.push(performance.now()),
      end: (code) => void ends.push({ code, at: performance.now() }),
      watchExpiry: () => undefined,
    },
    INTERVAL,
  )
  heartbeat.start()
  return { heartbeat, pings, ends, startedAt: performance.now() }
}

test('connections that started at different times are pinged together, none of them early', (t) => {
  const clock = holdClock(t)
  const connections = Array.from({ length: 25 }, () => {
    const connection = startHeartbeat()
    clock.advance(3)
    return connection
  })
  clock.advance(INTERVAL + GRID)
  const times = connections.map(({ pings, startedAt, heartbeat }) => {
    heartbeat.stop()
    const [at = 0] = pings
    assert.equal(pings.length, 1)
    assert.ok(
      at >= startedAt + INTERVAL && at < startedAt + INTERVAL + GRID,
      `${startedAt} is pinged at ${at}`,
    )
    return at
  })
  // The starts are 72 ms apart.
  assert.ok(new Set(times).size <= 1 + Math.ceil(72 / GRID), `pings at ${[...new Set(times)].join(', ')}`)
})

test('a client that sends no frame for two intervals is dead, and no sooner', (t) => {
  const clock = holdClock(t)
  const { pings, ends } = startHeartbeat()
  clock.advance(2 * INTERVAL - 1)
  assert.deepEqual([pings, ends], [[INTERVAL], []])
  clock.advance(1)
  assert.deepEqual(ends, [{ code: 'timeout', at: 2 * INTERVAL }])
  clock.advance(10 * INTERVAL)
  assert.deepEqual([pings.length, ends.length], [1, 1])
})

test('any frame moves the end by two intervals', (t) => {
  const clock = holdClock(t)
  const { heartbeat, ends } = startHeartbeat()
  clock.advance(1_500)
  heartbeat.onFrame()
  clock.advance(2 * INTERVAL - 1)
  assert.deepEqual(ends, [])
  clock.advance(1)
  assert.deepEqual(ends, [{ code: 'timeout', at: 3_500 }])
})

test('a client is not dead because the process stood still: it has another interval, in which its frames are read', (t) => {
  const clock = holdClock(t)
  const { now } = performance
  let stoodStill = 0
  t.mock.method(performance, 'now', () => now.call(performance) + stoodStill)
  const [alive, dead] = [startHeartbeat(), startHeartbeat()]
  clock.advance(INTERVAL)
  // The clock goes on, but no timer and no frame is handled.
  stoodStill = 1_500
  clock.advance(INTERVAL)
  const wokeAt = performance.now()
  assert.deepEqual([alive.pings.length, alive.ends, dead.ends], [2, [], []])
  alive.heartbeat.onFrame()
  clock.advance(INTERVAL + GRID)
  const [end] = dead.ends
  assert.ok(end && end.at >= wokeAt + INTERVAL && end.at <= wokeAt + INTERVAL + GRID, String(end?.at))
  assert.deepEqual(alive.ends, [])
  alive.heartbeat.stop()
})
