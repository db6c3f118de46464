import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { createMessageTurns } from '../../../src/gateway/messages/message-turns.js'
import { readHistory } from '../../../src/gateway/messages/read-history.js'
import { startGateway } from '../../support/gateway.js'

test('a page ends before a gap that retention makes while the page is read', async () => {
  const engine = createMemoryEngine()
  const { gateway } = await startGateway({ retention: { messages: 40 } }, {}, { engine })
  const publish = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await gateway.publish({ appId: 'app', to: 'ada', body: 'x' })
  }
  await publish(40)

  const ada = { appId: 'app', userId: 'ada' }
  const { epoch } = await engine.inbox(ada)
  const { messagesAfter } = engine
  engine.messagesAfter = async (...call) => {
    const page = await messagesAfter.apply(engine, call)
    await publish(100)
    return page
  }
  const context = { engine, messageTurns: createMessageTurns() }
  const messages = await readHistory(context, ada, { epoch, after: 2 }, 100, 1_000_000)
  assert.deepEqual([messages?.length, messages?.[0]?.offset, messages?.at(-1)?.offset], [16, 3, 18])

  const other = { epoch: 'another epoch', before: null }
  assert.equal(await readHistory(context, ada, other, 100, 1_000_000), null)
})
