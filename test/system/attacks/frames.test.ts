// Malformed WebSocket frames, byte by byte over TCP, before and after a start.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientFrames } from '../../../src/protocol/index.js'
import { handshake, openRaw, startProtocol, within } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { attackedGateway, runs } from './support.js'
import { assertSpeaksProtocol, readFrames } from '../../support/clients/gateway-frames.js'
import { startOf } from '../../support/starts.js'

const { url, assertUnharmed } = await attackedGateway()

let users = 0

/**
 * Opens a WebSocket, waits for `started` if it starts a session, writes `bytes`, half-closes, and resolves with the frames that were
 * received until the close.
 */
const exchange = async (bytes: Uint8Array, isStarted: boolean) => {
  const raw = await openRaw(url, { allowHalfOpen: true })
  // Each start is of a new user, because users have rate limits.
  const start = isStarted ? await startOf(`fuzz ${(users += 1)}`) : undefined
  const protocols = isStarted ? `chat-session.v1, ${startProtocol(start)}` : 'chat-session.v1'
  raw.socket.write(handshake({ 'Sec-WebSocket-Protocol': protocols }))
  if (isStarted) await until('started', () => raw.received().includes('"type":"started"'))
  raw.socket.write(bytes)
  raw.socket.end()
  await within(raw.closed, 'close')
  const received = raw.received()
  const from = received.indexOf('\r\n\r\n')
  assert.match(received.toString('latin1'), /^HTTP\/1\.1 101 /)
  return readFrames(received.subarray(from + 4))
}

/** Length fields of a frame: as RFC 6455 requires, longer than needed, or wrong. */
const LENGTHS = ['right', 'in 2 bytes', 'in 8 bytes', 'too long', 'too short', 'huge', 'negative'] as const

interface Written {
  fin: boolean
  reserved: number
  opcode: number
  masked: boolean
  length: (typeof LENGTHS)[number]
  payload: Buffer
}

const encode = ({ fin, reserved, opcode, masked, length, payload }: Written): Buffer => {
  const head = [(fin ? 0x80 : 0) | (reserved << 4) | opcode]
  const mask = masked ? 0x80 : 0
  const stated = payload.length + (length === 'too long' ? 9 : length === 'too short' ? -1 : 0)
  const eight = Buffer.alloc(8)
  if (length === 'huge') eight.writeBigUInt64BE(2n ** 53n - 1n)
  else if (length === 'negative') eight.fill(0xff)
  else eight.writeBigUInt64BE(BigInt(Math.max(0, stated)))
  if (length === 'huge' || length === 'negative' || length === 'in 8 bytes') head.push(mask | 127, ...eight)
  else if (length === 'in 2 bytes' || stated > 125) head.push(mask | 126, (stated >> 8) & 0xff, stated & 0xff)
  else head.push(mask | Math.max(0, stated))
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), payload])
}

/** JSON that has broken parsers: deep, wide, with repeated keys, and with names that objects inherit. */
const CORPUS = [
  '',
  '{}',
  '[]',
  'null',
  '"',
  '{"type":"pong"}',
  '{"type":"pong","type":"end"}',
  '{"type":"__proto__"}',
  '{"__proto__":{"type":"end"}}',
  '{"type":"profile","user":{"__proto__":{"name":1}}}',
  '{"type":"profile","user":{"custom":{"__proto__":"x","constructor":"y"}}}',
  '{"type":"read","epoch":"e","offset":1e999}',
  '{"type":"read","epoch":"e","offset":-0}',
  '{"type":"history","id":"h","epoch":"e","limit":9007199254740993}',
  '{"type":"send","id":"\\ud800","to":"\\udc00","body":"\\u0000"}',
  '{"type":"send","id":"m","to":"fuzz","data":{"a":{"b":{"c":[[[[]]]]}}}}',
  `{"type":"send","id":"m","to":"fuzz","data":${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}}`,
  `{"type":"pong","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  `{"type":"pong","x":[${'{},'.repeat(5_000)}{}]}`,
  `{"type":"start","appId":"app","guest":true,"userId":"${'x'.repeat(300)}"}`,
  '{"type":"start","appId":"constructor","guest":true}',
  '{"type":"token","token":"a.b.c"}',
  '{"type":"end"}',
  '\ufeff{"type":"end"}',
]

const payload = fc.oneof(
  fc.constantFrom(...CORPUS).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 140 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    Buffer.alloc(126, 'x'),
    Buffer.alloc(65_537, 'x'),
    Buffer.from([0xc3]),
    Buffer.from([3, 232, 0xff]),
  ),
)

const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other })

const written: fc.Arbitrary<Written> = fc.record({
  fin: mostly(true, fc.constant(false)),
  reserved: mostly(0, fc.nat(7)),
  opcode: mostly(1, fc.nat(15)),
  masked: mostly(true, fc.constant(false)),
  length: mostly<Written['length']>('right', fc.constantFrom(...LENGTHS)),
  payload,
})

test('any WebSocket frames end with a close, and until then the gateway sends only frames of the protocol', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(written, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      async (frames, isStarted) => {
        assertSpeaksProtocol(await exchange(Buffer.concat(frames.map(encode)), isStarted))
      },
    ),
    { numRuns: runs(400) },
  )
  await assertUnharmed()
})

test('any bytes after the handshake end with a close', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      fc.boolean(),
      async (bytes, isStarted) => {
        assertSpeaksProtocol(await exchange(bytes, isStarted))
      },
    ),
    { numRuns: runs(150) },
  )
  await assertUnharmed()
})

const whole = (text: string): Buffer =>
  encode({ fin: true, reserved: 0, opcode: 1, masked: true, length: 'right', payload: Buffer.from(text) })

/** A frame of the table with values of its own in most fields. */
const clientFrame = fc.constantFrom(...Object.entries(clientFrames)).chain(([type, fields]) => {
  const values: Record<string, fc.Arbitrary<unknown>> = {}
  for (const name of Object.keys(fields))
    values[name] = fc.oneof(
      fc.constantFrom<unknown>('fuzz', 'app', 'm1', 0, 1, true, { name: 'Fuzz' }, { custom: { a: 'b' } }),
      fc.jsonValue({ maxDepth: 2 }),
    )
  return fc.record(values, { requiredKeys: [] }).map((frame) => ({ ...frame, type }))
})

test('frames of the protocol with any values in their fields are each answered, or end the session with a code', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(clientFrame, { minLength: 1, maxLength: 10 }), async (frames) => {
      const sent = [...frames, { type: 'end' }].map((frame) => whole(JSON.stringify(frame)))
      const end = assertSpeaksProtocol(await exchange(Buffer.concat(sent), true))
      assert.match(String(end), /^(ended|bad-request|too-large)$/)
    }),
    { numRuns: runs(300) },
  )
  await assertUnharmed()
})

for (const [index, text] of CORPUS.entries())
  for (const isStarted of [true, false])
    test(`text ${index} of the corpus ${isStarted ? 'in a session' : 'before a start'} ends with a code`, async () => {
      const bytes = Buffer.concat([whole(text), whole('{"type":"end"}'), whole('nonsense')])
      const end = assertSpeaksProtocol(await exchange(bytes, isStarted))
      assert.match(String(end), /^(ended|bad-request|too-large|unknown-app|unauthenticated)$/)
    })

test('the gateway stops reading from a client that goes on sending after the end, and the client gets the code', async () => {
  const raw = await openRaw(url)
  raw.socket.write(handshake())
  raw.socket.write(whole('nonsense'))
  await until('ended', () => raw.received().includes('"ended","code":"bad-request"'))
  const block = Buffer.concat(Array.from({ length: 1_000 }, () => whole('x'.repeat(1_000))))
  const write = (): Promise<boolean> =>
    new Promise((resolve) => raw.socket.write(block, (error) => resolve(!error)))
  let taken = 0
  // These are more bytes than the buffers of both kernels have room for.
  while (taken < 100_000_000 && (await write())) taken += block.length
  assert.ok(taken < 50_000_000, `the gateway took ${taken} bytes`)
  await assertUnharmed()
})

test('a session that started before the attacks goes on', assertUnharmed)
