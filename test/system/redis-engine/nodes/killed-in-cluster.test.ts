// In a cluster each node visits its own share of the partitions. After a node was killed, nobody visits its share until its lease has
// ended. Its users go offline in time all the same.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { ada } from '../../../../src/engine/suite/kit.js'
import { startCluster } from '../../../support/redis/cluster.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { until } from '../../../support/until.js'

/**
 * Milliseconds: a user is offline after 20 seconds, and two of beats and sweeps. If the time began again with the first visit, it would be
 * 31 seconds.
 */
const LIMIT = 26_000

it('users of a node that was killed in a cluster are offline in time', async () => {
  const { servers } = await startCluster()
  const cluster = {
    type: 'cluster',
    nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
  } as const
  // Of two nodes, one visits the partitions with even numbers.
  const partitions = new Partitions()
  const users = Array.from({ length: 20 }, (_, n) => ({ ...ada, userId: `user ${n}` }))
  assert.equal(new Set(users.map((user) => partitions.of(user) % 2)).size, 2)
  const engine = redisEngines(() => cluster).createWith('killed:')
  await engine.open()
  const child = fork(
    fileURLToPath(new URL('node-process.ts', import.meta.url)),
    [JSON.stringify(cluster), 'killed:', '60000', ...users.map(({ userId }) => userId)],
    { execArgv: ['--import', import.meta.resolve('tsx')] },
  )
  try {
    await once(child, 'message')
    const online = async (): Promise<string> => {
      const found = await Promise.all(
        users.map(async (user) => ((await engine.status(user)).online ? user.userId : '')),
      )
      return found.filter(Boolean).join()
    }
    assert.equal((await online()).split(',').length, users.length)
    child.kill('SIGKILL')
    await until('all are offline', online, '', LIMIT)
  } finally {
    child.kill('SIGKILL')
    await engine.close()
  }
})
