// When sessions were seen last, and their round-trip times, are stored by few calls.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import { Partitions } from '../../../src/engine/redis/nodes/partitions.js'
import { RedisEngine } from '../../../src/engine/redis/redis-engine.js'
import { ada, request, startSession } from '../../../src/engine/suite/kit.js'
import { countingClient } from '../../support/redis/counting-client.js'
import { startSingleAndCluster } from '../../support/redis/single-and-cluster.js'

const USERS = 250

const { server, settings } = await startSingleAndCluster()
const partitions = new Partitions()
const users = Array.from({ length: USERS }, (_, n) => ({ ...ada, userId: `user ${n}` }))

const engineOf = (options: RedisClientOptions, prefix: string) => {
  const { client, keyCounts } = countingClient(options, 'sessions-touch')
  return { engine: new RedisEngine({ client: () => client, prefix, onError: assert.ifError }), keyCounts }
}

for (const { name, options } of settings)
  describe(name, () => {
    it('stores the touches of many users by one call for 200 users, or for a partition of a cluster', async () => {
      const { engine, keyCounts } = engineOf(options, 'gathered:')
      await engine.open()
      try {
        const sessions = await Promise.all(
          users.map(async (user, n) => {
            const its = request(user, { connectionId: `connection of ${n}` })
            return { session: await startSession(engine, its), connectionId: its.connectionId }
          }),
        )
        await Promise.all(
          sessions.map(({ session, connectionId }, n) =>
            // The second connection does not carry the session.
            engine.touchSession(session, n === 1 ? 'another' : connectionId, { rtt: n }),
          ),
        )
        assert.equal(
          keyCounts.length,
          options.type === 'cluster' ? new Set(users.map((user) => partitions.of(user))).size : 2,
        )
        assert.equal(
          keyCounts.reduce((sum, count) => sum + count),
          USERS,
        )
        for (const n of [0, 1, 2, USERS - 1]) {
          const [before, [after]] = [
            sessions[n]?.session,
            await engine.sessions({ ...ada, userId: `user ${n}` }),
          ]
          assert.equal(after?.rtt, n === 1 ? null : n)
          assert.ok(before)
          if (n === 1) assert.equal(after.lastSeenAt, before.lastSeenAt)
          else assert.ok(after.lastSeenAt >= before.lastSeenAt)
        }
      } finally {
        await engine.close()
      }
    })
  })

it('stores the touches that are gathered when the engine closes', async () => {
  const { engine } = engineOf({ type: 'single', url: server.url }, 'closed:')
  await engine.open()
  const its = request(ada)
  const session = await startSession(engine, its)
  const touched = engine.touchSession(session, its.connectionId, { rtt: 42 })
  await engine.close()
  await touched
  await engine.open()
  try {
    const [stored] = await engine.sessions(ada)
    assert.equal(stored?.rtt, 42)
  } finally {
    await engine.close()
  }
})
