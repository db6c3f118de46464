// Pings and pongs of the WebSocket protocol, which a WebSocket library answers or drops by itself. They must count for limits.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { rawFrame } from '../../../support/clients/raw-session.js'
import { handshake, openClient, openRaw, startClient, within } from '../../../support/raw-client.js'
import { Connection } from '../../../../src/gateway/connection/connection.js'
import { startGateway } from '../../../support/gateway.js'
import { startOf } from '../../../support/starts.js'
import { assertSpeaksProtocol, readFrames } from '../../../support/clients/gateway-frames.js'

const { url } = await startGateway({ limits: { bytesPerSecond: 1_024 } })

for (const kind of ['ping', 'pong'] as const) {
  test(`a WebSocket ${kind} now and then is accepted, before a start and in a session`, async () => {
    const client = openClient(url)
    await client.opened
    client.socket[kind]()
    client.send(await startOf(`few ${kind}s`))
    await client.next('started')
    for (let count = 0; count < 5; count += 1) client.socket[kind]()
    client.send({ type: 'end' })
    assert.equal((await client.end()).code, 1000)
  })
}

test('a flood of WebSocket pongs before a start ends as too-large', async () => {
  const client = openClient(url)
  await client.opened
  for (let count = 0; count < 5_000; count += 1) client.socket.pong()
  assert.equal((await client.end()).frame['code'], 'too-large')
})

test('a flood of WebSocket pongs in a session ends as rate-limited', async () => {
  const client = await startClient(url, await startOf('many pongs'))
  for (let count = 0; count < 5_000; count += 1) client.socket.pong()
  assert.equal((await client.end()).frame['code'], 'rate-limited')
})

test('of a chunk of frames, few are parsed once the first ones have ended the connection', async () => {
  let parsed = 0
  const { receive } = Connection.prototype
  Connection.prototype.receive = function (...frame) {
    parsed += 1
    receive.apply(this, frame)
  }
  try {
    const raw = await openRaw(url)
    raw.socket.write(handshake())
    await raw.answer()
    raw.socket.write(Buffer.concat(Array(20_000).fill(rawFrame('text', '{"type":"pong"}'))))
    assert.equal(await within(raw.closed, 'close'), false)
    const bytes = raw.received()
    assert.equal(assertSpeaksProtocol(readFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))), 'too-large')
  } finally {
    Connection.prototype.receive = receive
  }
  assert.ok(parsed > 16 && parsed < 500, `${parsed} frames were parsed`)
})

test('a client that floods WebSocket pings before a start and reads gets 4413 too-large, and no reset', async () => {
  const raw = await openRaw(url)
  raw.socket.write(handshake())
  await raw.answer()
  raw.socket.write(Buffer.concat(Array(200_000).fill(rawFrame('ping', ''))))
  assert.equal(await within(raw.closed, 'close'), false, 'the socket closes without an error')
  const bytes = raw.received()
  const frames = readFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))
  assert.equal(assertSpeaksProtocol(frames), 'too-large')
  assert.ok(frames.filter(({ opcode }) => opcode === 10).length < 100, 'pings of one packet have one pong')
})

test('the pong has the payload of the ping', async () => {
  const client = openClient(url)
  await client.opened
  const pong = once(client.socket, 'pong')
  client.socket.ping('still there?')
  const [payload] = (await within(pong, 'pong')) as [Buffer]
  assert.equal(payload.toString(), 'still there?')
  client.close()
})
