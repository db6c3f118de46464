import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../../support/gateway.js'
import { within } from '../../../support/raw-client.js'

test('a gateway forgets the streams whose start it refused at once, so that it can close', async () => {
  const { gateway, url } = await startGateway()
  for (const start of [{}, { type: 'start' }, { type: 'start', appId: 'unknown' }]) {
    const response = await fetch(`${url}/v1/session/stream`, { method: 'POST', body: JSON.stringify(start) })
    assert.match(await response.text(), /"type":"ended"/)
  }
  await within(gateway.close(), 'close')
})
