// Handshakes and requests that come at once are spread over turns of the event loop.
import assert from 'node:assert/strict'
import { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { Connection } from '../../../src/gateway/connection/connection.js'
import { handshake, startProtocol } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startOf } from '../../support/starts.js'
import { attachGateway } from '../../support/gateway.js'

const COUNT = 200
/** These are two portions of 16, because one may be handled before the first turn is over. */
const MOST = 32

const { server, port } = await attachGateway()
const sockets: Socket[] = []
let accepted = 0
server.on('connection', () => (accepted += 1))
after(() => {
  for (const socket of sockets) socket.destroy()
})

/** Writes to `COUNT` sockets in one turn, and returns the largest number by which `count` then grew from turn to turn. */
const largestStep = async (text: string, count: () => number): Promise<number> => {
  const opened = Array.from({ length: COUNT }, () => connect(port, '127.0.0.1'))
  sockets.push(...opened)
  for (const socket of opened) socket.on('error', () => undefined).resume()
  // Node accepts one connection in each turn.
  await until('the connections', () => accepted === sockets.length)
  const before = count()
  let last = before
  let largest = 0
  for (const socket of opened) socket.write(text)
  while (last < before + COUNT) {
    await new Promise((resolve) => setImmediate(resolve))
    largest = Math.max(largest, count() - last)
    last = count()
  }
  return largest
}

test('of two hundred handshakes that come at once, few are taken in one turn', async () => {
  const { receive } = Connection.prototype
  let starts = 0
  Connection.prototype.receive = function (...frame) {
    starts += 1
    receive.apply(this, frame)
  }
  try {
    const start = startProtocol(await startOf('ada'))
    const text = handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${start}` })
    const step = await largestStep(text, () => starts)
    assert.ok(step <= MOST, `${step} in one turn`)
  } finally {
    Connection.prototype.receive = receive
  }
})

test('of two hundred requests that come at once, few are answered in one turn', async () => {
  const { writeHead } = ServerResponse.prototype
  let responses = 0
  ServerResponse.prototype.writeHead = function (this: ServerResponse, ...head: unknown[]) {
    responses += 1
    return Reflect.apply(writeHead, this, head) as ServerResponse
  }
  try {
    const step = await largestStep('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', () => responses)
    assert.ok(step <= MOST, `${step} in one turn`)
  } finally {
    ServerResponse.prototype.writeHead = writeHead
  }
})
