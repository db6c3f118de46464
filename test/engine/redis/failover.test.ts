import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EngineError, type Engine } from '../../../src/engine/index.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import { bob, bodies, deliver, newMessage, nextEvents, rules, start } from '../../../src/engine/suite/kit.js'
import { FEW_PARTITIONS } from '../../support/redis/engines.js'
import { simulatedClient, type Loss } from '../../support/redis/simulated/client.js'
import { SimulatedServer } from '../../support/redis/simulated/server.js'
import { until } from '../../support/until.js'

/** Runs `body` with a server, and with a function that opens an engine on it. `losses` has what is lost of the next call of a script. */
const withServer = async (
  body: (server: SimulatedServer, open: (losses?: Map<string, Loss>) => Promise<Engine>) => Promise<void>,
): Promise<void> => {
  const server = new SimulatedServer()
  const engines: Engine[] = []
  const open = async (losses = new Map<string, Loss>()): Promise<Engine> => {
    const lossOf = (name: string): Loss | undefined => {
      const loss = losses.get(name)
      losses.delete(name)
      return loss
    }
    const engine = createSharedEngine({
      client: () => simulatedClient(server, { lossOf }),
      partitionCount: FEW_PARTITIONS,
      // A server that is away, and connections that are lost, are errors of no call.
      onError: () => undefined,
    })
    engines.push(engine)
    await engine.open()
    return engine
  }
  try {
    await body(server, open)
  } finally {
    await Promise.all(engines.map((engine) => engine.close()))
  }
}

void describe('on a simulated server', () => {
  void it('a message that a failover has forgotten is stored again by the node that has sent it', () =>
    withServer(async (server, open) => {
      const [one, two] = [await open(), await open()]
      await deliver(one, { body: 'kept' })
      const copy = server.save()
      await deliver(one, { body: 'forgotten' })
      server.restore(copy)
      assert.deepEqual(await bodies(two, bob), ['kept', 'forgotten'])
    }))

  void it('calls fail while the server is away, and afterwards each node hears of messages again', () =>
    withServer(async (server, open) => {
      const [one, two] = [await open(), await open()]
      await start(two, bob)
      server.stop()
      await assert.rejects(
        one.send(newMessage(), rules()),
        (error) => error instanceof EngineError && error.code === 'unavailable',
      )
      server.start()
      const heard = nextEvents(two, 'message')
      await until('a message is stored', () => deliver(one, { body: 'later' }).then(Boolean, () => false))
      assert.equal((await heard)[0]?.message.body, 'later')
    }))

  for (const loss of ['request', 'reply'] as const)
    void it(`a message is stored once if its ${loss} is lost`, () =>
      withServer(async (_server, open) => {
        const losses = new Map<string, Loss>()
        const engine = await open(losses)
        losses.set('send', loss)
        const { outcome } = await engine.send(newMessage(), rules())
        assert.equal(outcome, 'stored')
        assert.equal(losses.size, 0)
        assert.deepEqual(await bodies(engine, bob), ['Hello'])
      }))
})
