import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { startAs } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'

test('a client whose inbox has another epoch comes back before its detached session ends, even if `resumeWindow` is short', async () => {
  const engine = createMemoryEngine()
  // The inbox has another epoch than the client's mark.
  engine.markRead = () => Promise.resolve(null)
  const { url } = await startGateway({}, { resumeWindow: 1 }, { engine })
  const client = await startAs(url, 'ada')
  client.send({ type: 'read', epoch: client.started['epoch'], offset: 0 })
  const { code, frame } = await client.end()
  assert.equal(code, 4503)
  assert.ok((frame['retryAfter'] as number) <= 500, String(frame['retryAfter']))
})
