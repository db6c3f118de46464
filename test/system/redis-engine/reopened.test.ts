import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ada, bodies, bob, newMessage, rules } from '../../../src/engine/suite/kit.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'

const { url } = await standalone()

it('opens again while calls of the opening before still run', { timeout: 10_000 }, async () => {
  const engine = await redisEngines(() => ({ type: 'single', url })).create()
  await engine.open()
  const sent = engine.send(newMessage(), rules())
  const closed = engine.close()
  const opened = engine.open()
  // The engine waits already for the calls to close.
  await Promise.resolve()
  await Promise.resolve()
  const user = engine.user(ada)
  assert.equal((await sent).outcome, 'stored')
  await Promise.all([closed, opened, user])
  assert.deepEqual(await bodies(engine, bob), ['Hello'])
  await engine.close()
})
