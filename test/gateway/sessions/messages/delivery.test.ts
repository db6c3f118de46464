import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createMessageTurns } from '../../../../src/gateway/messages/message-turns.js'
import { createMetrics } from '../../../../src/gateway/metrics/metrics.js'
import { Delivery } from '../../../../src/gateway/sessions/messages/delivery.js'
import type { GatewayFrame, Message } from '../../../../src/protocol/index.js'
import { until } from '../../../support/until.js'

const messages = [1, 2, 3, 4].map((offset): Message => {
  const id = String(offset)
  return { offset, id, from: 'bob', to: 'ada', sender: null, body: 'x', sentAt: 0 }
})

const inbox = { epoch: 'epoch', offset: 0, readOffset: 0, unread: 0 }

test('a slow client gets a message once that was read before its event came', async () => {
  const sent: unknown[] = []
  let isFull = false
  const read = () => void (isFull = false)
  const unexpected = () => assert.fail('The connection ended.')
  // Each frame fills the socket.
  const send = (frame: Pick<GatewayFrame, 'type'> & { offset?: number }) => {
    isFull = true
    if (frame.type === 'message') sent.push(frame.offset)
  }
  const delivery = new Delivery(
    {
      engine: {
        messagesAfter: (_user, { offset }, limit) =>
          Promise.resolve({ messages: messages.slice(offset, offset + limit), inbox, lost: false }),
      },
      metrics: createMetrics(),
      messageTurns: createMessageTurns(),
    },
    { user: { appId: 'app', userId: 'ada' } },
    {
      send,
      sendText: (json) => send(JSON.parse(json) as GatewayFrame),
      end: unexpected,
      endOnError: (work) => void work.catch(unexpected),
      isFull: () => isFull,
      drained: () => Promise.resolve().then(read),
    },
  )
  const epoch = 'epoch'
  // The engine has all messages, but only the first is known to the gateway.
  delivery.begin(0, { epoch, offset: 1, unread: 1, readOffset: 0 }, false)
  await until('the first message', () => sent.length > 0)
  read()
  for (const message of messages.slice(1)) delivery.onMessage({ epoch, message, json: undefined })
  await until('the last message', () => sent.includes(4))
  assert.deepEqual(sent, [1, 2, 3, 4])
})

test('a read mark that comes late does not replace the count of a newer one that waits for messages', () => {
  const sent: Pick<GatewayFrame, 'type'>[] = []
  const unexpected = () => assert.fail('The connection ended.')
  const delivery = new Delivery(
    {
      engine: { messagesAfter: unexpected },
      metrics: createMetrics(),
      messageTurns: createMessageTurns(),
    },
    { user: { appId: 'app', userId: 'ada' } },
    {
      send: (frame) => sent.push(frame),
      ...{ sendText: unexpected, end: unexpected, endOnError: unexpected },
      isFull: () => false,
      drained: () => Promise.resolve(),
    },
  )
  const epoch = 'epoch'
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

test('the messages of a page that wait for a slow client take no more memory than their text', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // A parsed list of empty objects takes 20 times as much memory as its text.
  const data = { list: Array.from({ length: 5_000 }, () => ({})) }
  const page = JSON.stringify(Array.from({ length: 8 }, (_, n) => ({ ...messages[0], offset: n + 1, data })))
  const metrics = createMetrics()
  let sent = 0
  const deliveries: Delivery[] = []
  const deliver = async (count: number): Promise<void> => {
    sent = 0
    for (let n = 0; n < count; n++) {
      let isFull = false
      const send = () => {
        isFull = true
        sent++
      }
      const unexpected = () => assert.fail('The connection ended.')
      const delivery = new Delivery(
        {
          engine: {
            messagesAfter: () =>
              Promise.resolve({ messages: JSON.parse(page) as Message[], inbox, lost: false }),
          },
          metrics,
          messageTurns: createMessageTurns(),
        },
        { user: { appId: 'app', userId: 'ada' } },
        {
          ...{ send, sendText: send, end: unexpected },
          endOnError: (work) => void work.catch(unexpected),
          isFull: () => isFull,
          drained: () => (isFull ? new Promise(() => undefined) : Promise.resolve()),
        },
      )
      deliveries.push(delivery)
      delivery.begin(0, { epoch: 'epoch', offset: 8, unread: 8, readOffset: 0 }, false)
    }
    await until('the first message of each', () => sent, count)
  }
  await deliver(2)
  collect()
  const before = process.memoryUsage().heapUsed
  const count = 20
  await deliver(count)
  collect()
  const each = (process.memoryUsage().heapUsed - before) / count
  assert.ok(each < 2 * page.length, `${each} bytes each`)
  assert.equal(deliveries.length, count + 2)
})

test('the messages that wait for a crowd of slow clients take a bounded memory, and each client gets them once it reads', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const bodies = Array.from({ length: 8 }, (_, n) =>
    JSON.stringify({ ...messages[0], offset: n + 1, body: 'x'.repeat(15_000) }),
  )
  const metrics = createMetrics()
  const messageTurns = createMessageTurns()
  let begun = 0
  const slow = () => {
    const sent: number[] = []
    let isFull = false
    let onRead: () => void = () => undefined
    const unexpected = () => assert.fail('The connection ended.')
    const send = (frame: Pick<GatewayFrame, 'type'> & { offset?: number }): void => {
      isFull = true
      if (sent.push(frame.offset ?? 0) === 1) begun++
    }
    const messagesAfter = (_user: unknown, { offset }: { offset: number }, limit: number) =>
      Promise.resolve({
        messages: bodies.slice(offset, offset + limit).map((json) => JSON.parse(json) as Message),
        inbox,
        lost: false,
      })
    const delivery = new Delivery(
      { engine: { messagesAfter }, metrics, messageTurns },
      { user: { appId: 'app', userId: 'ada' } },
      {
        send,
        sendText: (json) => send(JSON.parse(json) as GatewayFrame),
        end: unexpected,
        endOnError: (work) => void work.catch(unexpected),
        isFull: () => isFull,
        drained: () => (isFull ? new Promise((resolve) => (onRead = resolve)) : Promise.resolve()),
      },
    )
    delivery.begin(0, { epoch: 'epoch', offset: 8, unread: 8, readOffset: 0 }, false)
    const read = (): void => {
      isFull = false
      onRead()
    }
    return { delivery, sent, read }
  }
  collect()
  const before = process.memoryUsage().heapUsed
  const count = 1_000
  const clients = Array.from({ length: count }, slow)
  await until('the first message of each', () => begun, count)
  collect()
  const bytes = process.memoryUsage().heapUsed - before
  assert.ok(bytes < 50_000_000, `${bytes} bytes for all`)
  const last = clients.at(-1)
  await until('the last message', () => {
    last?.read()
    return last?.sent.at(-1) === 8
  })
  assert.deepEqual(last?.sent, [1, 2, 3, 4, 5, 6, 7, 8])
  for (const { delivery } of clients) delivery.stop()
})
