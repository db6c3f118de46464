import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startOf } from '../../../support/starts.js'
import { startGateway } from '../../../support/gateway.js'
import { startClient } from '../../../support/raw-client.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { standalone } from '../../../support/redis/server.js'

const { url } = await standalone()

test('two gateways on one Redis are one gateway', async () => {
  const engines = redisEngines(() => ({ type: 'single', url }))
  const start = async () => {
    const engine = engines.createWith('gateways:')
    const { url: address } = await startGateway({}, {}, { engine })
    return { engine, address }
  }
  const [one, two] = [await start(), await start()]
  const ada = await startClient(one.address, await startOf('ada'))
  const bob = await startClient(two.address, await startOf('bob'))
  ada.send({ type: 'send', id: 'one', to: 'bob', body: 'Hello' })
  assert.equal((await bob.next('message'))['body'], 'Hello')
  assert.equal((await ada.next('sent'))['id'], 'one')
  bob.send({ type: 'send', id: 'two', to: 'ada', body: 'Hello Ada' })
  assert.equal((await ada.next('message'))['body'], 'Hello Ada')
  assert.equal((await two.engine.sessions({ appId: 'app', userId: 'ada' })).length, 1)
})
