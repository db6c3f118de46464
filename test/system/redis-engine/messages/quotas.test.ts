import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RedisEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  app,
  bob,
  bodies,
  deliver,
  isUnavailable,
  newMessage,
  rules,
  start,
  until,
} from '../../../../src/engine/suite/kit.js'
import { ask, pending, typesOf } from '../../../../src/engine/suite/webhook-kit.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { failingClient } from '../../../support/redis/failing-client.js'
import { standalone } from '../../../support/redis/server.js'

const { url } = await standalone()

it('goes on after the counts of an app could not be read', async () => {
  let isBroken = false
  const engine = new RedisEngine({
    client: () => failingClient({ type: 'single', url }, 'counts-read', () => isBroken),
  })
  await engine.open()
  try {
    await deliver(engine)
    await engine.close()
    // An engine that opens again knows no counts.
    await engine.open()
    isBroken = true
    await assert.rejects(engine.send(newMessage(), rules()), isUnavailable)
    // The counts change. If the rejection were not handled, it would end the process.
    assert.equal(await engine.deleteUser(bob), true)
    isBroken = false
    await deliver(engine)
    assert.deepEqual(await bodies(engine, bob), ['Hello'])
  } finally {
    await engine.close()
  }
})

it('holds the pending webhook events of an app to its limits over several gateways', async () => {
  const { create, createPeer } = redisEngines(() => ({ type: 'single', url }))
  const first = await create()
  const second = (await createPeer?.(first)) ?? assert.fail()
  const limits = { user: { events: 100, bytes: 1e9 }, app: { events: 3, bytes: 1e9 } }
  const askFor = (engine: typeof first) => ask(engine, ['session.started'], undefined, limits)
  await first.open()
  await askFor(first)
  await second.open()
  try {
    for (const userId of ['a', 'b', 'c']) await start(first, { appId: app, userId })
    // An engine reads what is pending when it is configured.
    await askFor(second)
    await start(second, ada)
    assert.equal(typesOf(await pending(second)).filter((type) => type === 'events.dropped').length, 1)
    // Each engine delivers what it has added. The second one hears within some seconds of the room that the first one made.
    for (const engine of [first, second])
      for (const { event } of await engine.takeDueEvents(app, 10, 60_000))
        await engine.endDelivery(app, event.userId, event.id, { delivered: true })
    await until('there is room again', async () => {
      await start(second, bob)
      return (await pending(second)).some(({ event }) => event.userId === bob.userId)
    })
  } finally {
    await Promise.all([first.close(), second.close()])
  }
})
