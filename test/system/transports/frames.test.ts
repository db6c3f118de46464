// Frames of clients: whole, in fragments, malformed, too large and too many. Messages that are not finished have their tests on Node in
// test/gateway/transports/fragments.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { openSession, opcodes, rawFrame } from '../../support/clients/raw-session.js'
import { bun } from '../../support/processes/runtimes.js'
import { serve, serveOnBoth, testOnBoth } from './serve.js'

const urlOf = await serveOnBoth()

const send = (id: string, body: string): string => JSON.stringify({ type: 'send', id, to: 'bob', body })

testOnBoth('a message may come in fragments, with pings between them, and byte by byte', async (runtime) => {
  const session = await openSession(urlOf(runtime), 'ada')
  const bytes = Buffer.from(send('fragments', 'größer'))
  // The text is cut inside a character.
  const cut = bytes.indexOf('ö') + 1
  session.socket.write(
    Buffer.concat([
      rawFrame('text', bytes.subarray(0, cut), { isLast: false }),
      rawFrame('ping', 'between'),
      rawFrame('continuation', '', { isLast: false }),
      rawFrame('continuation', bytes.subarray(cut)),
    ]),
  )
  await until('the answer', () => session.frames().some(({ id }) => id === 'fragments'))
  const pongs = session.webSocketFrames().filter(({ opcode }) => opcode === opcodes.pong)
  assert.deepEqual(
    pongs.map(({ payload }) => payload.toString()),
    ['between'],
  )
  session.socket.setNoDelay(true)
  for (const byte of rawFrame('text', send('bytes', 'x'))) session.socket.write(Buffer.from([byte]))
  await until('the answer', () => session.frames().some(({ id }) => id === 'bytes'))
  session.socket.destroy()
})

for (const [what, bytes, code] of [
  ['invalid UTF-8', rawFrame('text', Buffer.from([0xff])), 1007],
  ['a reserved opcode', rawFrame('reserved', 'x'), 1002],
  ['a frame without a mask', Buffer.from([0x81, 1, 0x41]), 1002],
  ['a continuation of nothing', rawFrame('continuation', 'x'), 1002],
  ['a fragmented ping', rawFrame('ping', 'x', { isLast: false }), 1002],
  ['a frame of 140 kB', rawFrame('text', 'x'.repeat(140_000)), 1009],
  ['a close code that does not exist', rawFrame('close', Buffer.from([0, 1])), 1002],
] as const)
  testOnBoth(`${what} ends the connection with ${code}`, async (runtime) => {
    const session = await openSession(urlOf(runtime), 'ada')
    session.socket.write(bytes)
    await until('a close frame', session.closeCode, code)
    await within(session.closed, 'close')
  })

testOnBoth("the client's close frame is answered with its own code", async (runtime) => {
  for (const [payload, code] of [
    [Buffer.from([1000 >> 8, 1000 & 0xff]), 1000],
    [Buffer.from([4999 >> 8, 4999 & 0xff]), 4999],
    [Buffer.alloc(0), 1005],
  ] as const) {
    const session = await openSession(urlOf(runtime), 'ada')
    session.socket.write(rawFrame('close', payload))
    await within(session.closed, 'close')
    assert.equal(session.closeCode(), code)
  }
})

test('Bun: a message that is not finished in time ends the session as timeout', async () => {
  const { address } = await serve(bun, { startTimeout: 2, pingInterval: 1 })
  const session = await openSession(address, 'ada')
  session.socket.write(rawFrame('text', '"', { isLast: false }))
  // A control frame between fragments does not extend the deadline.
  session.socket.write(rawFrame('pong', ''))
  await within(session.closed, 'close')
  assert.equal(session.frames().at(-1)?.['code'], 'timeout')
})

test('Bun: a message that the gateway does not read for longer than startTimeout is answered', async () => {
  const { address } = await serve(bun, { startTimeout: 2 }, { limits: { bytesPerSecond: 8_192 } })
  const session = await openSession(address, 'ada')
  // This is five seconds of the user's bytes, and half of a message after them.
  const next = rawFrame('text', send('next', 'x'.repeat(1_000)))
  session.socket.write(
    Buffer.concat([
      ...['a', 'b', 'c'].map((id) => rawFrame('text', send(id, 'x'.repeat(15_000)))),
      next.subarray(0, 500),
    ]),
  )
  const isSent = (id: string): boolean =>
    session.frames().some((frame) => frame.type === 'sent' && frame['id'] === id)
  // The socket is paused before the first answer leaves.
  await until('the answer before it', () => isSent('c'))
  session.socket.write(next.subarray(500))
  await until('the answer', () => isSent('next'))
  session.socket.destroy()
})
