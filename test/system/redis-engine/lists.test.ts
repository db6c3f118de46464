// A small app's users are in few of the many partitions: its lists must not ask one partition after the other.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { it } from 'node:test'
import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { Engine } from '../../../src/engine/engine.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import type { RedisClient } from '../../../src/engine/redis/client/port.js'
import { app, start, whileOpen } from '../../../src/engine/suite/kit.js'
import { ask } from '../../../src/engine/suite/webhook-kit.js'
import { startCluster } from '../../support/redis/cluster.js'
import { standalone } from '../../support/redis/server.js'

const { url } = await standalone()
const { servers } = await startCluster()

/** Counts how often an engine waits for its calls before it makes the next ones. */
class CountingClient {
  calls = 0
  rounds = 0
  readonly client: RedisClient
  #isNewRound = true

  constructor(options: RedisClientOptions, names: readonly string[]) {
    const client = createRedisClient(options)
    this.client = {
      isCluster: client.isCluster,
      open: (events) => client.open(events),
      close: () => client.close(),
      subscribe: (channels) => client.subscribe(channels),
      keys: (start) => client.keys(start),
      ofEachServer: (keys) => client.ofEachServer(keys),
      keepOneLibrary: (start, kept) => client.keepOneLibrary(start, kept),
      info: () => client.info(),
      run: async (script, keys, args) => {
        const isCounted = names.includes(script.name)
        if (isCounted) {
          this.calls++
          if (this.#isNewRound) this.rounds++
          this.#isNewRound = false
        }
        const reply = await client.run(script, keys, args)
        if (isCounted) this.#isNewRound = true
        return reply
      },
    }
  }
}

for (const [name, options, calls] of [
  ['one server', { type: 'single', url }, 8],
  ['a cluster', { type: 'cluster', nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })) }, 1_024],
] as const)
  for (const [what, step, read] of [
    ['users', 'listUsers', (engine: Engine) => engine.users(app, null, 50)],
    [
      'sessions',
      'listAppSessions',
      async (engine: Engine) => (await engine.appSessions(app, null, 50)).sessions,
    ],
    [
      'pending events',
      'listEvents',
      async (engine: Engine) => (await engine.pendingEvents(app, null, 50)).events,
    ],
  ] as const)
    it(`reads the ${what} of a small app on ${name} in six rounds`, async () => {
      const counting = new CountingClient(options, [step])
      const engine = createSharedEngine({ client: () => counting.client, prefix: `${randomUUID()}:` })
      await whileOpen(engine, async () => {
        await ask(engine, ['session.started'])
        for (const userId of ['ada', 'bob', 'cy']) {
          await engine.saveUser({ appId: app, userId }, {})
          await start(engine, { appId: app, userId })
        }
        assert.equal((await read(engine)).length, 3)
        assert.deepEqual([counting.rounds, counting.calls], [6, calls])
      })
    })
