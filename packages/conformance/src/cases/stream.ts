import { messageFrame, PEER, sentFrame, startedFrame, type Started } from '../frames.js'
import type { Bench, Begun, Case } from '../bench.js'
import type { PostAnswer } from '../scripted-stream.js'
import { expect } from '../watch.js'

/** Milliseconds for which a client that must not reconnect is watched. */
const QUIET = 1_000

const beginStream = async (bench: Bench, started: Partial<Started> = {}): Promise<Begun> => {
  const begun = await bench.begin(started, { transports: ['stream'] })
  expect(begun.connection.kind === 'stream', 'The client was told to use a stream, and opened a WebSocket.')
  return begun
}

export const stream: Case[] = [
  {
    name: 'stream',
    section: 'stream',
    core: false,
    rule: 'Frames come by an event stream, and go by posts: one at a time, numbered, of the type text/plain.',
    async run(bench) {
      const { client, connection } = await beginStream(bench)
      await connection.next('pong')
      const ids = Array.from({ length: 40 }, (_, index) => `s${index}`)
      for (const id of ids) client.tell({ type: 'send', id, to: PEER, body: id })
      for (const [index, id] of ids.entries()) {
        const send = await connection.next('send')
        expect(send.id === id, `The client sent the message ${send.id}, where ${id} was next.`)
        connection.send(sentFrame(id, index + 1), { type: 'ping' })
      }
      await client.next('sent', ({ id }) => id === ids.at(-1))
      await Promise.all(ids.map(() => connection.next('pong')))
      client.tell({ type: 'end' })
      await connection.next('end')
    },
  },
  {
    name: 'stream-chunks',
    section: 'stream',
    core: false,
    rule: 'Events are read as a stream: a chunk may end within a character, or have several events.',
    async run(bench) {
      const { client, connection } = await beginStream(bench)
      const body = 'Grüße, 你好, 🎉'
      const event = (offset: number): string => `data: ${JSON.stringify(messageFrame(offset, { body }))}\n\n`
      const bytes = Buffer.from(`${event(1)}:\n\n${event(2)}${event(3)}`)
      const cuts = [3, bytes.indexOf('ü') + 1, bytes.indexOf('🎉') + 2, bytes.length - 1]
      let from = 0
      for (const to of [...cuts, bytes.length]) {
        connection.response?.write(bytes.subarray(from, to))
        from = to
        await bench.watch.pause(30)
      }
      for (const offset of [1, 2, 3]) {
        const { message } = await client.next('message')
        expect(message.offset === offset, `The client delivered offset ${message.offset}, not ${offset}.`)
        expect(message.body === body, 'The client delivered another text than the one that was sent.')
      }
    },
  },
  {
    name: 'stream-repeat',
    section: 'stream',
    core: false,
    rule: 'A post without an answer, or with 503, is repeated unchanged.',
    async run(bench) {
      const { gateway, client, connection } = await beginStream(bench)
      await connection.next('pong')
      const faults: PostAnswer[] = ['taken', 'lost', 503]
      gateway.answerPost = () => faults.shift() ?? 204
      for (const id of ['a', 'b']) client.tell({ type: 'send', id, to: PEER, body: id })
      for (const id of ['a', 'b']) {
        const send = await connection.next('send')
        expect(send.id === id, `The client sent the message ${send.id}, where ${id} was next.`)
        connection.send(sentFrame(id, 1))
        await client.next('sent', (report) => report.id === id)
      }
      // The answer to the first post was lost, so the client has repeated that post. The post of a later frame must have the next number.
      client.tell({ type: 'send', id: 'c', to: PEER, body: 'c' })
      await connection.next('send')
      expect(faults.length === 0, 'The client did not repeat its posts.')
      expect(connection.all('send').length === 3, 'A frame was sent twice.')
    },
  },
  {
    name: 'stream-unknown',
    section: 'stream',
    core: false,
    rule: 'If a post says that the stream is unknown, the client reconnects and sends again.',
    async run(bench) {
      const { gateway, client, connection } = await beginStream(bench, { resumeKey: 'first' })
      await connection.next('pong')
      gateway.answerPost = () => 404
      client.tell({ type: 'send', id: 'a', to: PEER, body: 'a' })
      const second = await gateway.connection()
      expect(second.start.resume?.key === 'first', 'The client did not resume its session.')
      gateway.answerPost = () => 204
      second.send(startedFrame(second.start, 0))
      expect((await second.next('send')).id === 'a', 'The client did not send the message again.')
    },
  },
  {
    name: 'stream-close',
    section: 'stream',
    core: false,
    rule: 'A frame `close` says what a close code says. A stream that ends without it is a lost connection.',
    async run(bench) {
      const { gateway, client, connection } = await beginStream(bench, { resumeKey: 'first' })
      connection.cut()
      const second = await gateway.begin()
      expect(second.start.resume?.key === 'first', 'The client did not resume its session.')
      second.close(4403, 'refused')
      const over = await client.reaches('over')
      expect(over.code === 'refused', `The client told the code ${String(over.code)}, not refused.`)
      await bench.watch.pause(QUIET)
      expect(gateway.attempts.length === 2, 'The client connected again after the close code 4403.')
    },
  },
  {
    name: 'stream-fallback',
    section: 'stream',
    core: false,
    rule: 'Where no WebSocket opens a client comes by a stream.',
    async run(bench) {
      const gateway = await bench.scriptedGateway()
      gateway.refuse = ({ kind }) => kind === 'websocket'
      const client = bench.start(gateway)
      const connection = await gateway.begin()
      await client.reaches('active')
      connection.send(messageFrame(1))
      await client.next('message')
    },
  },
]
