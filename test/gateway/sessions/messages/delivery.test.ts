import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMessageTurns } from '../../../../src/gateway/messages/message-turns.js'
import { createMetrics } from '../../../../src/gateway/metrics/metrics.js'
import { Delivery } from '../../../../src/gateway/sessions/messages/delivery.js'
import type { Message } from '../../../../src/protocol/index.js'
import { memoryOf, memoryOfEach } from '../../../support/memory.js'
import { until } from '../../../support/until.js'

const messages = [1, 2, 3, 4].map((offset): Message => {
  const id = String(offset)
  return { offset, id, from: 'bob', to: 'ada', sender: null, body: 'x', sentAt: 0 }
})

const inbox = { epoch: 'epoch', offset: 0, readOffset: 0, unread: 0 }
const metrics = createMetrics()

interface Sent {
  offset?: number
  unread?: number
}

/**
 * Creates the delivery to a client whose socket each frame fills until `read` is called. `sent` has what a test asks of the frames.
 * `page` returns the messages after an offset that the engine has.
 */
const deliveryTo = (
  page: (offset: number, limit: number) => Message[],
  { messageTurns = createMessageTurns(), fills = true } = {},
) => {
  const sent: Sent[] = []
  const life: { isFull: boolean; onRead: () => void } = { isFull: false, onRead: () => undefined }
  const unexpected = () => assert.fail('The connection ended.')
  const send = (frame: object): void => {
    const { offset, unread } = frame as Sent
    life.isFull = fills
    sent.push({ ...(offset !== undefined && { offset }), ...(unread !== undefined && { unread }) })
  }
  const messagesAfter = (_user: unknown, { offset }: { offset: number }, limit: number) =>
    Promise.resolve({ messages: page(offset, limit), inbox, lost: false })
  const delivery = new Delivery(
    { engine: { messagesAfter }, metrics, messageTurns },
    { user: { appId: 'app', userId: 'ada' } },
    {
      send,
      sendText: (json) => send(JSON.parse(json) as object),
      end: unexpected,
      endOnError: (work) => void work.catch(unexpected),
      isFull: () => life.isFull,
      drained: () => (life.isFull ? new Promise((resolve) => (life.onRead = resolve)) : Promise.resolve()),
    },
  )
  const read = (): void => {
    life.isFull = false
    life.onRead()
  }
  const offsets = (): unknown[] => sent.map(({ offset }) => offset)
  return { delivery, sent, read, offsets }
}

const epoch = 'epoch'

test('a slow client gets a message once that was read before its event came', async () => {
  const { delivery, read, offsets } = deliveryTo((offset, limit) => messages.slice(offset, offset + limit))
  // The engine has all messages, but only the first is known to the gateway.
  delivery.begin(0, { epoch, offset: 1, unread: 1, readOffset: 0 }, false)
  await until('the first message', () => offsets().length > 0)
  read()
  for (const message of messages.slice(1)) delivery.onMessage({ epoch, message, json: undefined })
  await until('the last message', () => {
    read()
    return offsets().includes(4)
  })
  assert.deepEqual(offsets(), [1, 2, 3, 4])
})

test('a read mark that comes late does not replace the count of a newer one that waits for messages', () => {
  const { delivery, sent } = deliveryTo(() => assert.fail('The engine was asked.'), { fills: false })
  const inbox = { epoch, readOffset: 0 }
  delivery.begin(0, { ...inbox, offset: 0, unread: 0 }, false)
  // The engine has counted this mark after four messages, whose events come later. An earlier mark of another page comes even later.
  assert.ok(
    delivery.sendReadMark({ ...inbox, offset: 4, unread: 3 }, { id: 'bob', unread: 0, readOffset: 1 }),
  )
  assert.ok(
    !delivery.sendReadMark({ ...inbox, offset: 2, unread: 1 }, { id: 'cara', unread: 0, readOffset: 1 }),
  )
  for (const message of messages) delivery.onMessage({ epoch, message, json: undefined })
  const countsOf = () => sent.flatMap((frame) => ('unread' in frame ? [frame.unread] : []))
  assert.deepEqual([sent.length, countsOf()], [5, [3]])
  // Marks of the same messages: the second one was set before the first one, and so was the third.
  assert.ok(delivery.sendReadMark({ epoch, offset: 4, unread: 1, readOffset: 2 }))
  assert.ok(!delivery.sendReadMark({ epoch, offset: 4, unread: 2, readOffset: 2 }))
  assert.ok(!delivery.sendReadMark({ epoch, offset: 4, unread: 1, readOffset: 1 }))
  assert.ok(delivery.sendReadMark({ epoch, offset: 4, unread: 1, readOffset: 2 }))
  assert.deepEqual(countsOf(), [3, 1, 1])
})

const all = { epoch, offset: 8, unread: 8, readOffset: 0 }

test('the messages of a page that wait for a slow client take no more memory than their text', async () => {
  // A parsed list of empty objects takes 20 times as much memory as its text.
  const data = { list: Array.from({ length: 5_000 }, () => ({})) }
  const page = JSON.stringify(Array.from({ length: 8 }, (_, n) => ({ ...messages[0], offset: n + 1, data })))
  const clients: ReturnType<typeof deliveryTo>[] = []
  const each = await memoryOfEach(async (from, to) => {
    for (let n = from; n < to; n++) {
      const client = deliveryTo(() => JSON.parse(page) as Message[])
      client.delivery.begin(0, all, false)
      clients.push(client)
    }
    await until('the first message of each', () => clients.every(({ sent }) => sent.length === 1))
  }, 20)
  assert.ok(each < 2 * page.length, `${each} bytes each`)
})

test('the messages that wait for a crowd of slow clients take a bounded memory, and each client gets them once it reads', async () => {
  const bodies = Array.from({ length: 8 }, (_, n) =>
    JSON.stringify({ ...messages[0], offset: n + 1, body: 'x'.repeat(15_000) }),
  )
  const messageTurns = createMessageTurns()
  const page = (offset: number, limit: number): Message[] =>
    bodies.slice(offset, offset + limit).map((json) => JSON.parse(json) as Message)
  let clients: ReturnType<typeof deliveryTo>[] = []
  const bytes = await memoryOf(async () => {
    clients = Array.from({ length: 1_000 }, () => deliveryTo(page, { messageTurns }))
    for (const { delivery } of clients) delivery.begin(0, all, false)
    await until('the first message of each', () => clients.every(({ sent }) => sent.length === 1))
  })
  assert.ok(bytes < 50_000_000, `${bytes} bytes for all`)
  const last = clients.at(-1) ?? assert.fail()
  await until('the last message', () => {
    last.read()
    return last.offsets().at(-1) === 8
  })
  assert.deepEqual(last.offsets(), [1, 2, 3, 4, 5, 6, 7, 8])
  for (const { delivery } of clients) delivery.stop()
})
