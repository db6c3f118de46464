// Clients that start and leave again and again, in a thread of their own: node:worker_threads with `{ kind, port, tokens, atOnce }`. They
// write the bytes of a handshake and look for `started` in the answer, since clients of a library would cost more than the server.
/* global performance */
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { appId } from './setting.mjs'

const { kind, port, tokens, atOnce } = workerData

const handshake = (path, protocols) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
  `Sec-WebSocket-Protocol: ${protocols}\r\n\r\n`

/** A text frame whose mask is all zeros. */
const textFrame = (text) => {
  const length = Buffer.byteLength(text)
  const head = length < 126 ? [0x81, 0x80 | length] : [0x81, 0xfe, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), Buffer.from(text)])
}

/** Returns what a client of this server writes. */
const bytesOf = {
  'chat-session': (token) => {
    const start = Buffer.from(JSON.stringify({ type: 'start', appId, token })).toString('base64url')
    return Buffer.from(handshake('/v1/session', `chat-session.v1, start.${start}`))
  },
  ws: (token) =>
    Buffer.concat([
      Buffer.from(handshake('/', 'chat-session.v1')),
      textFrame(JSON.stringify({ type: 'start', appId, token })),
    ]),
}[kind]

const start = (token) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytesOf(token)))
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (!answer.includes('"type":"started"')) return
      socket.destroy()
      resolve()
    })
    socket.on('error', reject)
    socket.on('end', () => reject(new Error(`A start was not answered by \`started\`: ${answer}`)))
  })

let next = 0
const client = async () => {
  while (next < tokens.length) await start(tokens[next++])
}
const began = performance.now()
await Promise.all(Array.from({ length: atOnce }, client))
parentPort.postMessage(performance.now() - began)
