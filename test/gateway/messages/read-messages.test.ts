import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine, type Engine } from '../../../src/engine/index.js'
import { createMessageTurns } from '../../../src/gateway/messages/message-turns.js'
import { readMessages, type MessageRange } from '../../../src/gateway/messages/read-messages.js'
import { readPeers } from '../../../src/gateway/messages/read-peers.js'
import { startGateway, type TestGateway } from '../../support/gateway.js'

const ada = { appId: 'app', userId: 'ada' }

/** Starts a gateway whose engine calls `afterRead` after each read of messages. */
const startReading = async (
  config: Parameters<typeof startGateway>[0] = {},
): Promise<{
  engine: Engine
  publish: (count: number, senders?: string) => Promise<void>
  read: (range: MessageRange) => ReturnType<typeof readMessages>
  afterRead: (work: (() => Promise<void>) | undefined) => void
}> => {
  const memory = createMemoryEngine()
  let work: (() => Promise<void>) | undefined
  const watched = async <T>(page: Promise<T>): Promise<T> => {
    const found = await page
    await work?.()
    return found
  }
  const engine: Engine = {
    ...memory,
    messagesAfter: (...args) => watched(memory.messagesAfter(...args)),
    messagesBefore: (...args) => watched(memory.messagesBefore(...args)),
    messagesWith: (...args) => watched(memory.messagesWith(...args)),
    peers: (...args) => watched(memory.peers(...args)),
  }
  const { gateway }: TestGateway = await startGateway(config, {}, { engine })
  return {
    engine,
    /** Sends messages of the backend, or of as many users whose ids begin with `senders`. */
    publish: async (count, senders) => {
      for (let n = 0; n < count; n++) {
        const from = senders === undefined ? undefined : `${senders} ${n}`
        await gateway.publish({ appId: 'app', from, to: 'ada', body: 'x' })
      }
    },
    read: (range) => readMessages({ engine, messageTurns: createMessageTurns() }, ada, range, 100, 1_000_000),
    afterRead: (next) => (work = next),
  }
}

test('a page ends before a gap that retention makes while the page is read', async () => {
  const { publish, read, afterRead } = await startReading({ retention: { messages: 40 } })
  await publish(40)
  afterRead(() => publish(100))
  const page = await read({ after: 2 })
  const { messages = [], next } = page ?? {}
  assert.deepEqual([messages.length, messages[0]?.offset, messages.at(-1)?.offset, next], [16, 3, 18, 18])
})

test('a page has the state of the inbox at the read of its newest messages', async () => {
  const { publish, read, afterRead } = await startReading()
  await publish(40)
  for (const peer of [undefined, null]) {
    const offset = (await read({ before: null, peer }))?.inbox.offset ?? 0
    afterRead(() => publish(1))
    const backwards = await read({ before: null, peer })
    assert.deepEqual(
      [backwards?.messages.at(-1)?.offset, backwards?.inbox.offset, backwards?.inbox.unread],
      [offset, offset, offset],
    )
    const forwards = await read({ after: 0, peer })
    const [newest, state] = [forwards?.messages.at(-1)?.offset ?? 0, forwards?.inbox]
    assert.ok(newest > offset + 1, 'messages that came while the page was read')
    assert.deepEqual([forwards?.next, state?.offset, state?.unread], [null, newest, newest])
    afterRead(undefined)
  }
})

test('a page is null if the inbox has another epoch than was asked for, or than the first part of the page', async () => {
  const { engine, publish, read, afterRead } = await startReading()
  const readAllPeers = (epoch?: string): ReturnType<typeof readPeers> =>
    readPeers(
      { engine, messageTurns: createMessageTurns(), profiles: { of: () => Promise.resolve(null) } },
      ada,
      { epoch },
      100,
      1_000_000,
    )
  const ranges: MessageRange[] = [
    { before: null },
    { after: 0 },
    { before: null, peer: null },
    { after: 0, peer: null },
  ]
  const reads = [...ranges.map((range) => (epoch?: string) => read({ ...range, epoch })), readAllPeers]
  for (const readPage of reads) {
    await publish(20)
    await publish(20, 'peer')
    assert.equal((await readPage())?.inbox.offset, 40)
    assert.equal(await readPage('another'), null)
    afterRead(async () => {
      afterRead(undefined)
      await engine.deleteUser(ada)
      await publish(30)
    })
    assert.equal(await readPage(), null)
    await engine.deleteUser(ada)
  }
})
