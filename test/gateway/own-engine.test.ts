import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startClient } from '../support/raw-client.js'
import { createSimpleEngine } from '../support/simple-engine/simple-engine.js'
import { startOf } from '../support/starts.js'
import { startGateway } from '../support/gateway.js'

test('a gateway runs on an engine that is passed to it, and closes it', async () => {
  const errors: unknown[] = []
  const engine = createSimpleEngine((error) => errors.push(error))
  const { gateway, url } = await startGateway({}, {}, { engine })
  const ada = await startClient(url, await startOf('ada'))
  const bob = await startClient(url, await startOf('bob'))
  ada.send({ type: 'send', id: 'one', to: 'bob', body: 'Hello' })
  assert.equal((await bob.next('message'))['body'], 'Hello')
  assert.equal((await ada.next('sent'))['id'], 'one')
  assert.equal((await engine.sessions({ appId: 'app', userId: 'ada' })).length, 1)
  await gateway.close()
  await assert.rejects(engine.key(), { code: 'unavailable' })
  assert.deepEqual(errors, [])
})
