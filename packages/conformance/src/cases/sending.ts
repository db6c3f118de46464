import type { ClientFrameOf } from '../../../../src/protocol/index.js'
import type { Case } from '../bench.js'
import type { Client } from '../client.js'
import type { Connection } from '../connection.js'
import { messageFrame, PEER, sentFrame, startedFrame } from '../frames.js'
import { expect } from '../watch.js'

type Send = ClientFrameOf<'send'>

/** Milliseconds by which a timer of the client may fire too early. */
const TOLERANCE = 30
const WAIT = 700

const tellSend = (client: Client, ...ids: string[]): void => {
  for (const id of ids) client.tell({ type: 'send', id, to: PEER, body: `body of ${id}` })
}

const refused = (id: string, code: string, retryAfter?: number) => ({
  type: 'refused' as const,
  re: 'send',
  id,
  code,
  message: 'The conformance suite says so.',
  retryable: retryAfter !== undefined,
  ...(retryAfter !== undefined && { retryAfter }),
})

/** Takes the next `send` frames, and expects these ids in this order. */
const expectSends = async (connection: Connection, ...ids: string[]): Promise<Send[]> => {
  const sends: Send[] = []
  for (const expected of ids) {
    const send = await connection.next('send')
    expect(send.id === expected, `The client sent the message ${send.id}, where ${expected} was next.`)
    expect(send.body === `body of ${expected}`, `The client sent ${expected} with another body.`)
    sends.push(send)
  }
  return sends
}

export const sending: Case[] = [
  {
    name: 'send',
    section: 'sending',
    core: true,
    rule: 'A message is sent once on a connection, and told as sent when the gateway has said so.',
    async run(bench) {
      const { client, connection } = await bench.begin()
      tellSend(client, 'a', 'b')
      const [send] = await expectSends(connection, 'a', 'b')
      expect(send?.to === PEER, `The client sent a message to ${String(send?.to)}, not to ${PEER}.`)
      expect(client.all('sent').length === 0, 'The client told a message as sent before the gateway did.')
      connection.send(sentFrame('b', 2), sentFrame('a', 1))
      await client.next('sent', ({ id, offset }) => id === 'a' && offset === 1)
      await client.next('sent', ({ id, offset }) => id === 'b' && offset === 2)
      expect(connection.all('send').length === 2, 'The client sent a message twice on one connection.')
    },
  },
  {
    name: 'resend',
    section: 'sending',
    core: true,
    rule: 'Messages without an answer are sent again unchanged after a reconnect, in order, before new ones.',
    async run(bench) {
      const { gateway, client, connection } = await bench.begin()
      tellSend(client, 'a', 'b', 'c')
      await expectSends(connection, 'a', 'b', 'c')
      connection.send(sentFrame('a', 1))
      await client.next('sent', ({ id }) => id === 'a')
      connection.cut()
      const second = await gateway.connection()
      tellSend(client, 'd')
      second.send(startedFrame(second.start, 1))
      await expectSends(second, 'b', 'c', 'd')
      second.send(sentFrame('b', 2), sentFrame('c', 3), sentFrame('d', 4))
      for (const wanted of ['b', 'c', 'd']) await client.next('sent', ({ id }) => id === wanted)
      expect(client.all('sent').length === 4, 'The client told a message as sent twice.')
    },
  },
  {
    name: 'refused',
    section: 'sending',
    core: true,
    rule: 'A message that is refused for good is told with its code, and never sent again. The session goes on.',
    async run(bench) {
      const { gateway, client, connection } = await bench.begin()
      tellSend(client, 'a', 'b')
      await expectSends(connection, 'a', 'b')
      connection.send(refused('a', 'unknown-user'))
      const report = await client.next('refused', ({ id }) => id === 'a')
      expect(report.code === 'unknown-user', `The client told the code ${report.code}, not unknown-user.`)
      connection.cut()
      const second = await gateway.begin()
      await expectSends(second, 'b')
    },
  },
  {
    name: 'retry',
    section: 'sending',
    core: true,
    rule: 'A message that may succeed later is sent again after `retryAfter`, and those after it follow in order.',
    async run(bench) {
      const { client, connection } = await bench.begin()
      tellSend(client, 'a', 'b', 'c')
      await expectSends(connection, 'a', 'b', 'c')
      const at = performance.now()
      connection.send(refused('a', 'rate-limited', WAIT), { type: 'ping' }, { type: 'ping' })
      connection.send(refused('b', 'rate-limited', WAIT), refused('c', 'rate-limited', WAIT))
      await expectSends(connection, 'a', 'b', 'c')
      const waited = performance.now() - at
      expect(waited >= WAIT - TOLERANCE, `The client sent again after ${Math.round(waited)} ms, not ${WAIT}.`)
      connection.send(sentFrame('a', 1), sentFrame('b', 2), sentFrame('c', 3))
      for (const wanted of ['a', 'b', 'c']) await client.next('sent', ({ id }) => id === wanted)
      expect(client.all('refused').length === 0, 'The client told a message as refused that succeeded later.')
    },
  },
  {
    name: 'send-window',
    section: 'sending',
    core: false,
    rule: 'A message without an answer for the whole `sendWindow` is given up, and not sent again: it would be another message.',
    async run(bench) {
      const { gateway, client, connection } = await bench.begin({ sendWindow: WAIT })
      tellSend(client, 'a')
      await expectSends(connection, 'a')
      const report = await client.next('refused', ({ id }) => id === 'a')
      expect(
        report.code === 'unknown-outcome',
        `The client told the code ${report.code}, not unknown-outcome.`,
      )
      connection.cut()
      const second = await gateway.begin()
      tellSend(client, 'b')
      await expectSends(second, 'b')
    },
  },
  {
    name: 'own-copy',
    section: 'sending',
    core: true,
    rule: 'The copy of an own message is delivered at its offset, as any other message.',
    async run(bench) {
      const { client, connection } = await bench.begin()
      tellSend(client, 'a')
      await expectSends(connection, 'a')
      connection.send(messageFrame(1), messageFrame(2, { id: 'a', from: 'ann', to: PEER, body: 'body of a' }))
      connection.send(sentFrame('a', 2), messageFrame(3))
      await client.next('message', ({ message }) => message.offset === 3)
      const ids = client.all('message').map(({ message }) => message.id)
      expect(ids.join() === 'm1,a,m3', `The client delivered the messages ${ids.join(', ')}, not m1, a, m3.`)
    },
  },
]
