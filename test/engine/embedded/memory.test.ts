// The memory of the engine is bounded by `cacheBytes`, however many users there are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createEmbeddedEngine } from '../../../src/engine/index.js'
import { scratchFolder } from '../../support/scratch-folder.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const rules = {
  ...{ sendWindow: 3_600_000, unknownRecipients: true, unknownSenders: true, unreadPerSender: 1 },
  retention: { messages: 1_000, age: 3_600_000, bytes: 2 ** 20 },
  quota: { inboxes: 2 ** 30, bytes: 2 ** 40 },
}

test('inboxes of users beyond `cacheBytes` leave the memory', async () => {
  // This has room for about 75 inboxes and 250 senders.
  const engine = createEmbeddedEngine({ path: scratchFolder(), cacheBytes: 100_000 })
  await engine.open()
  let users = 0
  /** Sends one message to each of `count` new users. Resolves with the bytes of the live objects. */
  const sendTo = async (count: number): Promise<number> => {
    const sends = Array.from({ length: count }, () => {
      const n = users++
      const message = { id: 'first', from: `sender-${n}`, to: `user-${n}`, body: 'x'.repeat(60) }
      return engine.send({ appId: 'app', ...message }, rules)
    })
    await Promise.all(sends)
    collect()
    return process.memoryUsage().heapUsed
  }
  await sendTo(400)
  const few = await sendTo(400)
  let many = few
  for (let round = 0; round < 4; round++) many = await sendTo(400)
  // Each of the 1,600 messages fills two inboxes. If these stayed in memory, they would take about 2 MB.
  assert.ok(many - few < 1_000_000, `${many - few} bytes more`)
  await engine.close()
})
