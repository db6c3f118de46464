import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assemble } from '../../../support/gateway/assembled-gateway.js'
import { startOf } from '../../../support/starts.js'
import { createTimerCounter } from '../../../support/timer-counter.js'
import { until } from '../../../support/until.js'
import { connectionRound } from './connection-round.js'

test('2,000 closed connections leave no session, timer or entry behind', async () => {
  const { url: own, engine, connections, hub } = await assemble(() => ({}))
  const users = ['ada', 'bob', 'carol', 'dave']
  const starts = await Promise.all(users.map((userId) => startOf(userId)))
  // In its first turns the engine sets timers for the jobs of the next hour. This round is not counted because of them.
  await connectionRound(own, starts, () => undefined)
  const timers = createTimerCounter()
  for (let round = 0; round < 100; round += 1)
    await connectionRound(own, starts, () => {
      if (round > 0) return
      assert.equal(connections.size, 20)
      // Each connection without a session has a timer for its start deadline. Heartbeats share timers.
      assert.ok(timers.count() >= 11)
    })
  await until('an empty set of connections', () => connections.size === 0)
  for (const userId of users) {
    assert.deepEqual(hub.sessionsOf({ appId: 'app', userId }), [])
    await until('no sessions', async () => (await engine.sessions({ appId: 'app', userId })).length === 0)
  }
  await until('no timer but this wait', () => timers.count() <= 1)
  timers.stop()
})
