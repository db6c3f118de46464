import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RedisEngine } from '../../../src/engine/redis/redis-engine.js'
import { bob, bodies, deliver, isUnavailable, newMessage, rules } from '../../../src/engine/suite/kit.js'
import { failingClient } from '../../support/redis/failing-client.js'
import { standalone } from '../../support/redis/server.js'

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
