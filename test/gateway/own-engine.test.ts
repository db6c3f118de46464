import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../src/engine/index.js'
import { startAs } from '../support/raw-client.js'
import { startGateway } from '../support/gateway.js'
import { createTestGateway } from '../support/gateway/test-gateway.js'

test('a gateway runs on an engine that is passed to it, and closes it', async () => {
  const errors: unknown[] = []
  const engine = createMemoryEngine({ onError: (error) => errors.push(error) })
  const { gateway, url } = await startGateway({}, {}, { engine })
  const ada = await startAs(url, 'ada')
  const bob = await startAs(url, 'bob')
  ada.send({ type: 'send', id: 'one', to: 'bob', body: 'Hello' })
  assert.equal((await bob.next('message'))['body'], 'Hello')
  assert.equal((await ada.next('sent'))['id'], 'one')
  assert.equal((await engine.sessions({ appId: 'app', userId: 'ada' })).length, 1)
  await gateway.close()
  await assert.rejects(engine.key(), { code: 'unavailable' })
  assert.deepEqual(errors, [])
})

test('if the engine can’t close, the listeners close all the same, and close() rejects with the engine’s error', async () => {
  const engine = createMemoryEngine()
  const close = engine.close.bind(engine)
  const failure = new Error('The disk is gone.')
  Object.assign(engine, { close: () => close().then(() => Promise.reject(failure)) })
  const admin = { port: 0, token: 'the admin token of a test, 32 bytes' }
  // `startGateway` would close the gateway again after the tests, and its hook would fail.
  const { gateway } = createTestGateway({}, { admin }, { engine })
  const addresses = [await gateway.listen(), await gateway.listenAdmin()]
  for (const address of addresses) assert.equal((await fetch(`${address}/healthz`)).status, 200)
  await assert.rejects(gateway.close(), failure)
  for (const address of addresses) await assert.rejects(fetch(`${address}/healthz`), TypeError)
})
