import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { test } from 'node:test'
import { assemble } from '../gateway/assemble.js'
import { startOf } from '../gateway/support.js'
import { openClient, startClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

test('2,000 closed connections leave no session, timer or entry behind', async () => {
  const { url: own, engine, connections, hub } = await assemble(() => ({}))
  const users = ['ada', 'bob', 'carol', 'dave']
  const starts = await Promise.all(users.map((userId) => startOf(userId)))
  const timers = new Set<number>()
  const watch = createHook({
    init(id, type) {
      if (type === 'Timeout') timers.add(id)
    },
    destroy: (id) => timers.delete(id),
  }).enable()
  for (let round = 0; round < 100; round += 1) {
    const clients = await Promise.all(
      Array.from({ length: 10 }, (_, index) => startClient(own, starts[index % 4])),
    )
    const idle = Array.from({ length: 10 }, () => openClient(own))
    await Promise.all(idle.map(({ opened }) => opened))
    if (round === 0) {
      assert.equal(connections.size, 20)
      // A start deadline of each connection without a session, and heartbeats, which share timers.
      assert.ok(timers.size >= 11)
    }
    for (const [index, client] of clients.entries())
      if (index % 2) client.close()
      else client.send({ type: 'end' })
    for (const client of idle) client.close()
    await Promise.all([...clients, ...idle].map(({ closed }) => closed))
  }
  await until('an empty set of connections', () => connections.size === 0)
  for (const userId of users) {
    assert.deepEqual(hub.sessionsOf({ appId: 'app', userId }), [])
    await until('no sessions', async () => (await engine.sessions({ appId: 'app', userId })).length === 0)
  }
  await until('no timer but this wait', () => timers.size <= 1)
  watch.disable()
})
