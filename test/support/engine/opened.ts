import assert from 'node:assert/strict'
import { createEmbeddedEngine, type Engine } from '../../../src/engine/index.js'
import type { Message } from '../../../src/protocol/index.js'

/** Opens an engine in the folder, once no other process has it open. */
export const opened = async (path: string): Promise<Engine> => {
  const engine = createEmbeddedEngine({ path, lockWait: 30_000 })
  await engine.open()
  return engine
}

/** Returns the whole inbox of the user, and asserts that it has no hole. */
export const everything = async (engine: Engine, userId: string): Promise<Message[]> => {
  const of = { appId: 'app', userId }
  const { epoch, offset } = await engine.inbox(of)
  const { messages, lost } = await engine.messagesAfter(of, { epoch, offset: 0 }, 1_000_000)
  assert.equal(lost, false)
  assert.deepEqual(
    messages.map((message) => message.offset),
    Array.from({ length: offset }, (_, n) => n + 1),
    'no holes',
  )
  return messages
}
