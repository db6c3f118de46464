import type { Case } from '../bench.js'
import { APP, messageFrame, PEER, startedFrame, USER } from '../frames.js'
import { expect } from '../watch.js'

/**
 * Characters of one to four bytes, the two line separators that old JavaScript parsers refuse in JSON, and characters that JSON escapes.
 */
const TEXT = 'plain, Grüße, 你好, 🎉, \u2028\u2029, "quoted\\", \n\t'
/** Bytes of the longest body. The length of its WebSocket frame takes three bytes and not one, so a client must read both forms. */
const LONGEST = 16_384

export const starting: Case[] = [
  {
    name: 'start',
    section: 'starting',
    core: true,
    rule: 'A start has the app and the token, and names no other user.',
    async run(bench) {
      const { connection } = await bench.begin()
      const { appId, userId, token, resume } = connection.start
      expect(appId === APP, `The start has the app ${appId}, not ${APP}.`)
      expect(
        userId === undefined || userId === USER,
        `The start has the user ${String(userId)}, not ${USER}.`,
      )
      expect(token === 'token-1', 'The start does not have the token that the client was given.')
      expect(resume === undefined, 'The first start has a session to resume.')
    },
  },
  {
    name: 'start-frame',
    section: 'starting',
    core: true,
    rule: 'If a handshake with a start in it fails, the next start is the first frame.',
    async run(bench) {
      const gateway = await bench.scriptedGateway()
      gateway.refuse = ({ inHandshake }) => inHandshake
      const client = bench.start(gateway)
      await gateway.begin()
      await client.reaches('active')
    },
  },
  {
    name: 'pong',
    section: 'starting',
    core: true,
    rule: 'One pong answers `started`, and one pong answers each ping.',
    async run(bench) {
      const { client, connection } = await bench.begin()
      connection.send({ type: 'ping' }, { type: 'ping' }, messageFrame(1), { type: 'ping' })
      for (let count = 0; count < 4; count += 1) await connection.next('pong')
      await client.next('message')
      client.tell({ type: 'end' })
      await connection.next('end')
      const pongs = connection.all('pong').length
      expect(pongs === 4, `The client sent ${pongs} pongs for one \`started\` and three pings.`)
    },
  },
  {
    name: 'silence',
    section: 'starting',
    core: false,
    rule: 'A connection whose ping is well overdue is made again.',
    async run(bench) {
      const { gateway } = await bench.begin({ pingInterval: 100 })
      await gateway.begin()
    },
  },
  {
    name: 'unknown',
    section: 'starting',
    core: true,
    rule: 'Frames of an unknown type and unknown fields are ignored.',
    async run(bench) {
      const gateway = await bench.scriptedGateway()
      const client = bench.start(gateway)
      const connection = await gateway.connection()
      connection.write({ type: 'weather', outlook: { sun: true } })
      connection.write({ ...startedFrame(connection.start, 0), weather: ['sun'], can: ['fly'] })
      await client.reaches('active')
      connection.write({ type: 'weather' })
      connection.write({ ...messageFrame(1), weather: null })
      await client.next('message')
      expect(gateway.attempts.length === 1, 'The client connected again after a frame of an unknown type.')
    },
  },
  {
    name: 'fragments',
    section: 'starting',
    core: true,
    rule: 'A frame may come in several fragments, with a ping of WebSocket between them.',
    async run(bench) {
      const { client, connection } = await bench.begin()
      const { socket } = connection
      expect(socket, 'The client did not open a WebSocket first.')
      const ponged = bench.watch.feed<string>()
      socket.on('pong', (data: Buffer) => ponged.push(data.toString()))
      const text = JSON.stringify(messageFrame(1, { body: TEXT }))
      socket.send(text.slice(0, 40), { fin: false })
      socket.ping('mark')
      socket.send(text.slice(40, 60), { fin: false })
      socket.send(text.slice(60), { fin: true })
      const { message } = await client.next('message')
      expect(message.body === TEXT, 'The client delivered another text than the one that was sent.')
      await ponged.take('answer the ping of WebSocket', (data) => data === 'mark')
    },
  },
  {
    name: 'text',
    section: 'starting',
    core: true,
    rule: 'Text of any script passes unchanged in both directions, and so do 16,384 bytes.',
    async run(bench) {
      const { client, connection } = await bench.begin()
      const bodies = [TEXT, 'é'.repeat(LONGEST / 2)]
      for (const [index, body] of bodies.entries()) {
        connection.send(
          messageFrame(index + 1, { body, data: { text: body.slice(0, 100), list: [1, null] } }),
        )
        const { message } = await client.next('message')
        expect(message.body === body, 'The client delivered another text than the one that was sent.')
        expect(
          JSON.stringify(message.data) === JSON.stringify({ text: body.slice(0, 100), list: [1, null] }),
          'The client delivered other data than those that were sent.',
        )
        client.tell({ type: 'send', id: `t${index}`, to: PEER, body })
        const sent = await connection.next('send')
        expect(sent.body === body, 'The client sent another text than it was given.')
      }
    },
  },
]
