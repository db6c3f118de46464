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

/** Opens an engine. `send` sends one message to each of `count` new users, and resolves with their number so far. */
const openEngine = async (cacheBytes: number) => {
  const engine = createEmbeddedEngine({ path: scratchFolder(), cacheBytes })
  await engine.open()
  let users = 0
  const send = async (count: number): Promise<number> => {
    const sends = Array.from({ length: count }, () => {
      const n = users++
      const message = { id: 'first', from: `sender-${n}`, to: `user-${n}`, body: 'x'.repeat(60) }
      return engine.send({ appId: 'app', ...message }, rules)
    })
    await Promise.all(sends)
    return users
  }
  return { engine, send }
}

/** Returns the bytes of the live objects. */
const liveBytes = (): number => {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('inboxes of users beyond `cacheBytes` leave the memory', async () => {
  // This has room for about 65 inboxes and 56 senders.
  const { engine, send } = await openEngine(100_000)
  await send(800)
  const few = liveBytes()
  for (let round = 0; round < 4; round++) await send(400)
  const many = liveBytes()
  // Each of the 1,600 messages fills two inboxes. If these stayed in memory, they would take about 2 MB.
  assert.ok(many - few < 1_000_000, `${many - few} bytes more`)
  await engine.close()
})

test('lists of peers beyond `cacheBytes` leave the memory', async () => {
  // This has room for about 400 indexes of peers.
  const { engine, send } = await openEngine(4_000_000)
  const users = await send(4_000)
  const askAll = async (): Promise<void> => {
    for (let n = 0; n < users; n++) await engine.peers({ appId: 'app', userId: `user-${n}` }, null, 1)
  }
  const before = liveBytes()
  await askAll()
  const after = liveBytes()
  // The indexes of all users would take about 4 MB.
  assert.ok(after - before < 500_000, `${after - before} bytes more`)
  await engine.close()
})
