import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMessageTurns } from '../../../../src/gateway/messages/message-turns.js'
import { createMetrics } from '../../../../src/gateway/metrics/metrics.js'
import { Delivery } from '../../../../src/gateway/sessions/messages/delivery.js'
import type { Message } from '../../../../src/protocol/index.js'
import { until } from '../../../support/until.js'

const messages = [1, 2, 3, 4].map((offset): Message => {
  const id = String(offset)
  return { offset, id, from: 'bob', to: 'ada', sender: null, body: 'x', sentAt: 0 }
})

test('a slow client gets a message once that was read before its event came', async () => {
  const sent: unknown[] = []
  let isFull = false
  const read = () => void (isFull = false)
  const unexpected = () => assert.fail('The connection ended.')
  const delivery = new Delivery(
    {
      engine: {
        messagesAfter: (_user, { offset }, limit) =>
          Promise.resolve({ messages: messages.slice(offset, offset + limit), lost: false }),
      },
      metrics: createMetrics(),
      messageTurns: createMessageTurns(),
    },
    { user: { appId: 'app', userId: 'ada' } },
    {
      // Each frame fills the socket.
      send(frame) {
        isFull = true
        if (frame.type === 'message') sent.push(frame.offset)
      },
      sendText: unexpected,
      end: unexpected,
      endOnError: (work) => void work.catch(unexpected),
      isFull: () => isFull,
      drained: () => Promise.resolve().then(read),
    },
  )
  const epoch = 'epoch'
  // The engine has all messages, but only the first is known to the gateway.
  delivery.begin({ epoch, offset: 0 }, 1, false)
  await until('the first message', () => sent.length > 0)
  read()
  for (const message of messages.slice(1)) delivery.onMessage({ epoch, message, json: undefined })
  await until('the last message', () => sent.includes(4))
  assert.deepEqual(sent, [1, 2, 3, 4])
})
