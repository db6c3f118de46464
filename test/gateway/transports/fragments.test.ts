// Clients that fill the gateway's memory with messages that they do not finish.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { handshake, openRaw, startProtocol, within, type RawSocket } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'
import { until } from '../../support/until.js'

/** A masked frame with one byte of payload. */
const fragment = (opcode: 0 | 1): Buffer => Buffer.from([opcode, 0x81, 0, 0, 0, 0, 0x20])
/** The header of a frame whose payload of 60,000 bytes is yet to come. */
const header = Buffer.from([0x81, 0x80 | 126, 60_000 >> 8, 60_000 & 0xff, 0, 0, 0, 0])

const open = async (url: string): Promise<RawSocket> => {
  const raw = await openRaw(url)
  const start = startProtocol(await startOf('ada'))
  raw.socket.write(handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${start}` }))
  await until('a session', () => raw.received().includes('"type":"started"'))
  return raw
}

/** The close frame with code 1008: opcode 8, two bytes. */
const policyViolation = Buffer.from([0x88, 0x02, 1008 >> 8, 1008 & 0xff])

void describe('a message that takes its time', { concurrency: true }, () => {
  test('a message of more fragments than a client needs ends the connection with 1008', async () => {
    const { url } = await startGateway()
    const raw = await open(url)
    raw.socket.write(Buffer.concat([fragment(1), ...Array.from({ length: 99 }, () => fragment(0))]))
    await until('a close frame', () => raw.received().includes(policyViolation))
  })

  test('a frame that comes byte by byte ends the connection with 1008', async () => {
    const { url } = await startGateway()
    const raw = await open(url)
    raw.socket.setNoDelay(true)
    raw.socket.write(header)
    for (let sent = 0; sent < 59_999 && !raw.received().includes(policyViolation); sent += 1) {
      raw.socket.write(' ')
      await setImmediate()
    }
    assert.ok(raw.received().includes(policyViolation))
  })

  for (const [what, first] of [
    ['message', fragment(1)],
    ['frame', header],
  ] as const)
    test(`a ${what} that is not finished within startTimeout ends the session as timeout`, async () => {
      const { url } = await startGateway({}, { startTimeout: 2 })
      const raw = await open(url)
      raw.socket.write(first)
      // Control frames between fragments do not extend the deadline, but are answered.
      raw.socket.write(what === 'message' ? Buffer.from([0x8a, 0x80, 0, 0, 0, 0]) : ' ')
      raw.socket.write(what === 'message' ? fragment(0) : ' ')
      await within(raw.closed, 'close')
      assert.ok(raw.received().includes('"code":"timeout"'))
    })

  test('a client that sends pings of the WebSocket protocol and no message is not ended by that deadline', async () => {
    const { url } = await startGateway({}, { startTimeout: 2 })
    const pinging = await open(url)
    const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0])
    const flow = setInterval(() => pinging.socket.write(ping), 50)
    // When a session whose message began after the first ping has ended, the deadline has passed.
    await until('a pong', () => pinging.received().includes(Buffer.from([0x8a, 0])))
    const slow = await open(url)
    slow.socket.write(fragment(1))
    await within(slow.closed, 'close')
    clearInterval(flow)
    assert.ok(!pinging.received().includes('"ended"'))
  })

  test('the time of a message does not run while the gateway itself does not read', async () => {
    const { url } = await startGateway({ limits: { bytesPerSecond: 1_024 } }, { startTimeout: 1 })
    const raw = await open(url)
    const ping = (text: string): Buffer =>
      Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125, text)])
    const pong = (text: string): Promise<void> =>
      until('a pong', () => raw.received().includes(Buffer.alloc(125, text)))
    raw.socket.write(Buffer.concat([fragment(1), ping('a')]))
    await pong('a')
    // The user is in debt of bytes for longer than the message may take.
    raw.socket.write(Buffer.concat(Array.from({ length: 30 }, () => ping('b'))))
    await pong('b')
    const last = fragment(0)
    last[0] = 0x80
    raw.socket.write(last)
    await within(raw.closed, 'close')
    // The gateway has read the message to its end: two spaces, which are no frame.
    assert.ok(raw.received().includes('"code":"bad-request"'))
  })
})
