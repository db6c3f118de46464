// The reader of frames, beside the receiver of ws: both get the same bytes in the same chunks, and must report the same.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import type { Writable } from 'node:stream'
import { test } from 'node:test'
import { FrameReader } from '../../../../src/gateway/transports/frames/frame-reader.js'
import { createRandom } from '../../../support/seeded-random.js'

// The limit of chunks is too high to be reached here, because ws does not count the chunks of a frame's head.
const limits = { message: 70_000, fragments: 5, chunks: 1_000 }

/** ws has no types of its receiver. */
type Receiver = new (options: object) => Writable
const { Receiver } = createRequire(import.meta.url)('ws') as { Receiver: Receiver }

const hex = (payload: Buffer): string => payload.toString('hex')

/** Returns the events that the reader reports for these chunks. */
const readAll = (chunks: Buffer[]): string[] => {
  const events: string[] = []
  const reader = new FrameReader(
    {
      onMessage: (payload, isBinary) => events.push(`${isBinary ? 'binary' : 'text'} ${hex(payload)}`),
      onPing: (payload) => events.push(`ping ${hex(payload)}`),
      onPong: (payload) => events.push(`pong ${hex(payload)}`),
      onCloseFrame: (payload) => events.push(`close ${hex(payload)}`),
      onViolation: (code) => events.push(`violation ${code}`),
    },
    limits,
  )
  for (const chunk of chunks) reader.read(Buffer.from(chunk))
  return events
}

/** The code of an error of ws. */
const codeOf = (error: object): unknown => {
  const symbol = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code')
  return symbol && (error as Record<symbol, unknown>)[symbol]
}

const closePayload = (code: number, reason: Buffer): Buffer =>
  code === 1005 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([code >> 8, code & 0xff]), reason])

/** Returns the events that the receiver of ws reports for these chunks, in the words of `readAll`. */
const receiveAll = async (chunks: Buffer[]): Promise<string[]> => {
  const events: string[] = []
  const receiver = new Receiver({
    isServer: true,
    maxPayload: limits.message,
    maxFragments: limits.fragments,
    maxBufferedChunks: limits.chunks,
  })
  receiver
    .on('message', (payload: Buffer, isBinary: boolean) =>
      events.push(`${isBinary ? 'binary' : 'text'} ${hex(payload)}`),
    )
    .on('ping', (payload: Buffer) => events.push(`ping ${hex(payload)}`))
    .on('pong', (payload: Buffer) => events.push(`pong ${hex(payload)}`))
    .on('conclude', (code: number, reason: Buffer) => events.push(`close ${hex(closePayload(code, reason))}`))
    .on('error', (error) => events.push(`violation ${String(codeOf(error))}`))
  for (const chunk of chunks) if (receiver.writable) receiver.write(Buffer.from(chunk))
  await new Promise((resolve) => setImmediate(resolve))
  return events
}

/** Returns a generator of numbers below `limit`, the same in every run. */
const numbersBelow = (seed: number) => {
  const random = createRandom(seed)
  return (limit: number): number => Math.floor(random() * limit)
}
type Random = ReturnType<typeof numbersBelow>

const lengthsOf = (length: number, lengthBytes: number): Buffer => {
  if (lengthBytes === 0) return Buffer.from([0x80 | length])
  const bytes = Buffer.alloc(1 + lengthBytes)
  bytes[0] = 0x80 | (lengthBytes === 2 ? 126 : 127)
  bytes.writeUIntBE(length, 1 + Math.max(0, lengthBytes - 6), Math.min(6, lengthBytes))
  return bytes
}

const frame = (random: Random, first: number, payload: Buffer): Buffer => {
  const least = payload.length > 0xffff ? 8 : payload.length > 125 ? 2 : 0
  // Now and then the length is written with more bytes than it needs, which both accept.
  const header = lengthsOf(payload.length, random(20) === 0 ? 8 : least)
  const mask = Buffer.from(Array.from({ length: 4 }, () => (random(5) === 0 ? 0 : random(256))))
  const masked = Buffer.from(payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0)))
  return Buffer.concat([Buffer.from([first]), header, mask, masked])
}

const texts = ['', 'a', 'größer', '{"type":"pong"}', 'x'.repeat(126), '😀'.repeat(40), 'y'.repeat(66_000)]

/** Returns frames of a client, of which some break the protocol. */
const randomFrame = (random: Random): Buffer => {
  const text = Buffer.from(texts[random(random(10) === 0 ? texts.length : texts.length - 1)] ?? '')
  const kind = random(24)
  if (kind < 8) return frame(random, 0x81, text)
  if (kind < 10) return frame(random, 0x82, text)
  if (kind < 12) return frame(random, 0x01, text.subarray(0, random(text.length + 1)))
  if (kind < 14) return frame(random, 0x00, text.subarray(0, 4))
  if (kind < 17) return frame(random, 0x80, text.subarray(0, random(9)))
  if (kind < 20) return frame(random, kind === 17 ? 0x8a : 0x89, text.subarray(0, 125))
  if (kind === 20)
    return frame(
      random,
      0x88,
      closePayload(
        [1000, 1005, 999, 1004, 1015, 2999, 3000, 4999, 5000][random(9)] ?? 0,
        text.subarray(0, 7),
      ),
    )
  if (kind === 21) return frame(random, random(256), text.subarray(0, random(130)))
  const whole = frame(random, 0x81, text)
  // One bit changes in the frame's head, length, mask or first character.
  const at = random(Math.min(whole.length, 7))
  whole[at] = (whole[at] ?? 0) ^ (1 << random(8))
  return whole
}

const cut = (random: Random, bytes: Buffer): Buffer[] => {
  const chunks: Buffer[] = []
  const longest = [1, 3, 40, 5_000, 100_000][random(5)] ?? 1
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random(longest)
    chunks.push(bytes.subarray(at, end))
    at = end
  }
  return chunks
}

test('the same bytes in the same chunks give the same messages and the same refusals as with ws', async () => {
  const kinds = new Set<string>()
  for (let seed = 1; seed <= 600; seed++) {
    const random = numbersBelow(seed)
    const bytes = Buffer.concat(Array.from({ length: 1 + random(8) }, () => randomFrame(random)))
    const chunks = cut(random, bytes)
    const [events, expected] = [readAll(chunks), await receiveAll(chunks)]
    assert.deepEqual(events, expected, `seed ${seed}`)
    for (const event of events) kinds.add(event.startsWith('violation') ? event : (event.split(' ')[0] ?? ''))
  }
  assert.deepEqual([...kinds].toSorted(), [
    'binary',
    'close',
    'ping',
    'pong',
    'text',
    ...[1002, 1007, 1008, 1009].map((code) => `violation ${code}`),
  ])
})

test('a length of eight bytes is refused before its payload comes', () => {
  for (const length of [70_001n, 2n ** 53n, 2n ** 64n - 1n]) {
    const head = Buffer.alloc(10)
    head[0] = 0x81
    head[1] = 0x80 | 127
    head.writeBigUInt64BE(length, 2)
    assert.deepEqual(readAll([head]), ['violation 1009'])
  }
})

test('nothing is read after a close frame or a refusal', () => {
  const text = frame(numbersBelow(1), 0x81, Buffer.from('late'))
  const close = frame(numbersBelow(1), 0x88, Buffer.alloc(0))
  assert.deepEqual(readAll([Buffer.concat([close, text]), text]), ['close '])
  const unmasked = Buffer.from([0x81, 1, 0x41])
  assert.deepEqual(readAll([Buffer.concat([unmasked, text]), text]), ['violation 1002'])
})

test('a reader that is stopped reads no more frames of a chunk than it was told to', () => {
  const text = frame(numbersBelow(1), 0x81, Buffer.from('x'))
  const chunk = (frames: number): Buffer => Buffer.concat(Array.from({ length: frames }, () => text))
  let [read, violations] = [0, 0]
  const listener = {
    onMessage: () => {
      if (++read === 3) reader.stopAfter(10 * text.length)
    },
    onPing: () => assert.fail(),
    onPong: () => assert.fail(),
    onCloseFrame: () => assert.fail(),
    onViolation: () => (violations += 1),
  }
  const reader = new FrameReader(listener)
  reader.read(chunk(1_000))
  // The third frame is the first of the ten that the reader still reads.
  assert.equal(read, 12)
  reader.read(text.subarray(0, 3))
  reader.read(chunk(10))
  assert.deepEqual([read, violations, reader.isUnfinished], [12, 0, false])
})
