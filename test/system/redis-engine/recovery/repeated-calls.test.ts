// A call whose reply was lost is sent again, and counts once though Redis has run it twice.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Engine, EngineEvent } from '../../../../src/engine/index.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { ada, app, bob, deliver, newMessage, rules, whileOpen } from '../../../../src/engine/suite/kit.js'
import { ask, pending } from '../../../../src/engine/suite/webhook-kit.js'
import { saveDevice } from '../../../support/engine/calls.js'
import { lossyClient } from '../../../support/redis/lossy-client.js'
import { startSingleAndCluster } from '../../../support/redis/single-and-cluster.js'
import { until } from '../../../support/until.js'

const { settings } = await startSingleAndCluster()

for (const { name: setting, options } of settings)
  describe(`on ${setting}, if Redis runs it twice`, () => {
    /** Runs `work` with an engine whose calls of one script run twice, and with the number of calls that were answered. */
    const repeating = async (
      script: string,
      work: (engine: Engine, answered: () => number) => Promise<void>,
    ): Promise<void> => {
      const { client } = lossyClient(options, (name) => (name === script ? 'repeated' : undefined))
      const run = client.run.bind(client)
      let count = 0
      client.run = async (called, ...args) => {
        const reply = await run(called, ...args)
        if (called.name === script) count += 1
        return reply
      }
      const engine = createSharedEngine({
        client: () => client,
        prefix: `${script}:`,
        onError: assert.ifError,
      })
      await whileOpen(engine, () => work(engine, () => count))
    }

    it('a failed delivery is one attempt', () =>
      repeating('endDelivery', async (engine) => {
        await ask(engine, ['message.created'])
        await deliver(engine)
        for (const attempts of [1, 2]) {
          const { event } = (await pending(engine))[0] ?? assert.fail('no event is pending')
          const outcome = { retryAfter: 60_000, error: 'The endpoint is down.' }
          await engine.endDelivery(app, event.userId, event.id, outcome)
          const [after] = await pending(engine)
          assert.deepEqual([after?.attempts, after?.lastError], [attempts, outcome.error])
        }
      }))

    it('a message takes its rate once', () =>
      repeating('readSender', async (engine) => {
        const sent = await engine.send(newMessage(), rules({ messagesPerSecond: 1 }))
        assert.equal(sent.outcome, 'stored')
      }))

    it('a push that is due is told', () =>
      repeating('due', async (engine, answered) => {
        const events: EngineEvent[] = []
        const life = new AbortController()
        engine.listen((event) => event.type === 'push-due' && events.push(event), life.signal)
        await engine.saveUser(bob, {})
        await saveDevice(engine, bob)
        await deliver(engine, { from: ada.userId }, { pushAfter: 1 })
        await until('the sweep has found the user', () => answered() > 0)
        life.abort()
        assert.deepEqual(
          events.map((event) => event.type === 'push-due' && event.user),
          [bob],
        )
      }))
  })
