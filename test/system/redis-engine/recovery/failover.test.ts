// A failover of real servers. test/engine/redis has what else becomes of lost writes, on a simulated server.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../../src/engine/index.js'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { ada, bob, bodies, deliver, request, startSession } from '../../../../src/engine/suite/kit.js'
import { startPair } from '../../../support/redis/replication.js'
import { until, untilResolves } from '../../../support/until.js'

it('makes again what the new master lacks: a start, a detachment, an end and a message', async () => {
  const pair = await startPair()
  const engines = [1, 2].map(() =>
    createSharedEngine({
      client: () => createRedisClient({ type: 'single', url: pair.url }),
      // Calls fail while the master is away.
      onError: () => undefined,
    }),
  )
  const [one, two] = engines as [Engine, Engine]
  await Promise.all(engines.map((engine) => engine.open()))
  try {
    const [detached, ended] = [request(ada), request(ada)]
    const sessions = [await startSession(one, detached), await startSession(one, ended)] as const
    await pair.cut()
    const started = await startSession(two, request(ada))
    await one.detachSession(sessions[0], detached.connectionId, 60_000)
    await one.endSession(sessions[1], 'ended', ended.connectionId)
    await deliver(two, { body: 'lost' })
    await pair.failOver()
    const states = async (): Promise<string> =>
      (await one.sessions(ada).catch(() => [])).map((each) => `${each.sessionId} ${each.state}`).join()
    const expected = [`${sessions[0].sessionId} detached`, `${started.sessionId} active`]
    await until('the sessions are as before', states, expected.join())
    assert.deepEqual(await untilResolves('Redis answers', () => bodies(one, bob)), ['lost'])
  } finally {
    await Promise.all(engines.map((engine) => engine.close()))
  }
})
