import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createMemoryEngine, type Engine } from '../../../src/engine/index.js'
import { createGateway, createLog } from '../../../src/gateway/index.js'
import { startClient } from '../../support/raw-client.js'
import { startOf, testApp } from '../support.js'

test('a client whose inbox has another epoch comes back while its session is held, also if that is short', async () => {
  const memory = createMemoryEngine()
  // The inbox has another epoch than the client's mark.
  const markRead: Engine['markRead'] = () => Promise.resolve(null)
  const engine = new Proxy(memory, {
    get: (_, name: keyof Engine) => (name === 'markRead' ? markRead : memory[name].bind(memory)),
  })
  const gateway = createGateway(
    { listen: { port: 0 }, resumeWindow: 1, apps: { app: testApp() } },
    { env: {}, log: createLog({ level: 'silent' }), engine },
  )
  after(() => gateway.close())
  const client = await startClient(await gateway.listen(), await startOf('ada'))
  client.send({ type: 'read', epoch: client.started['epoch'], offset: 0 })
  const { code, frame } = await client.end()
  assert.equal(code, 4503)
  assert.ok((frame['retryAfter'] as number) <= 500, String(frame['retryAfter']))
})
