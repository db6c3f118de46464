// An inbox that was copied from Redis may lack messages between others, as those that were deleted there by hand.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createEmbeddedEngine, type Engine } from '../../../src/engine/index.js'
import { folderTarget } from '../../../src/engine/internal.js'
import { bob, deliver, newMessage, rules, whileOpen } from '../../../src/engine/suite/kit.js'
import type { TransferRecord } from '../../../src/engine/transfer.js'
import { pagesOf } from '../../support/engine/copied-data.js'
import { scratchFolder } from '../../support/scratch-folder.js'

/** What a message takes that `deliver` sends. */
const SIZE = 200

const transferred = (offset: number): TransferRecord => {
  const message = { offset, id: newMessage().id, from: 'ada', to: 'bob', sender: null, body: 'Hi', sentAt: 1 }
  return { kind: 'message', ...bob, message, size: SIZE, age: 0, sent: null, isRead: false }
}

/** Opens an engine on a folder to which Bob's inbox was copied: it lacks message 3 of 5. */
const withHole = async (work: (engine: Engine) => Promise<void>): Promise<void> => {
  const path = join(scratchFolder(), 'copied')
  const inbox = { deletions: 0, offset: 5, first: 1, readOffset: 0, marks: [] }
  await folderTarget(path)(
    pagesOf({ kind: 'inbox', ...bob, ...inbox }, ...[1, 2, 4, 5].map(transferred)),
    false,
  )
  const engine = createEmbeddedEngine({ path })
  await whileOpen(engine, work)
}

const kept = async (engine: Engine): Promise<number[]> => {
  const { epoch } = await engine.inbox(bob)
  const { messages } = await engine.messagesAfter(bob, { epoch, offset: 0 }, 100)
  return messages.map(({ offset }) => offset)
}

test('a mark before a hole leaves the messages after it unread', () =>
  withHole(async (engine) => {
    const { epoch, unread } = await engine.inbox(bob)
    assert.equal(unread, 4)
    assert.equal((await engine.markRead(bob, { epoch, offset: 2 }))?.unread, 2)
  }))

test('retention that ends before a hole counts what it keeps', () =>
  withHole(async (engine) => {
    const { retention } = rules()
    await deliver(engine, {}, { retention: { ...retention, messages: 4 } })
    assert.deepEqual(await kept(engine), [4, 5, 6])
    assert.equal((await engine.inbox(bob)).unread, 3)
  }))

test('retention by bytes goes on after a hole', () =>
  withHole(async (engine) => {
    const { retention } = rules()
    const under = { retention: { ...retention, messages: 4 } }
    await deliver(engine, {}, under)
    // Two of the copied messages and three more.
    const few = { retention: { ...retention, bytes: 5 * SIZE } }
    for (let n = 0; n < 10; n++) await deliver(engine, { body: 'x'.repeat(50) }, few)
    assert.ok((await kept(engine)).length <= 5, String(await kept(engine)))
  }))
