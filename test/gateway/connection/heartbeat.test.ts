import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { test } from 'node:test'
import { Heartbeat } from '../../../src/gateway/connection/heartbeat.js'

const INTERVAL = 1_000
/** Milliseconds from one time of pings to the next. */
const GRID = 10
const CONNECTIONS = 25

test('connections that started at different times are pinged together, none of them early', async () => {
  const pings: { startedAt: number; at: number }[] = []
  const heartbeats: Heartbeat[] = []
  const startedAt: number[] = []
  // The timers of heartbeats don't keep the process alive.
  const alive = setInterval(() => undefined, INTERVAL)
  await new Promise<void>((resolve) => {
    const startAll = async (): Promise<void> => {
      for (let n = 0; n < CONNECTIONS; n++) {
        const started = performance.now()
        startedAt.push(started)
        const sendText = (): void => {
          if (pings.push({ startedAt: started, at: performance.now() }) === CONNECTIONS) resolve()
        }
        const heartbeat = new Heartbeat(
          { sendText, end: () => undefined, watchExpiry: () => undefined },
          INTERVAL,
        )
        heartbeats.push(heartbeat)
        heartbeat.start()
        await wait(3)
      }
    }
    void startAll()
  })
  clearInterval(alive)
  for (const heartbeat of heartbeats) heartbeat.stop()
  for (const ping of pings) {
    const after = ping.at - ping.startedAt
    assert.ok(after >= INTERVAL - GRID, `a ping after ${after} ms`)
  }
  const groups = pings.filter(({ at }, n) => at - (pings[n - 1]?.at ?? 0) > 2).length
  const spread = (startedAt.at(-1) ?? 0) - (startedAt[0] ?? 0)
  // On a busy machine the starts are further apart, and one time's pings may be.
  const most = spread / GRID + 5
  assert.ok(groups <= most, `pings at ${groups} times, of connections that started within ${spread} ms`)
})
