// Malformed handshakes, byte by byte over TCP.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rawFrame } from '../../support/clients/raw-session.js'
import { base64url, handshake, openRaw, within } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { attackedGateway, runs } from './support.js'
import { startOf } from '../../support/starts.js'

const { url, assertUnharmed } = await attackedGateway()

/** Writes `parts`, half-closes, and returns the received bytes, and whether the connection was reset. */
const exchangeOnce = async (
  parts: readonly (string | Uint8Array)[],
  last?: RegExp,
): Promise<{ answer: Buffer; wasReset: boolean }> => {
  const raw = await openRaw(url, { allowHalfOpen: true })
  let wasReset = false
  raw.socket.on('error', () => (wasReset = true))
  for (const part of parts) {
    if (raw.socket.destroyed) break
    raw.socket.write(part)
    // The next part leaves in another packet.
    await new Promise((resolve) => setImmediate(resolve))
  }
  // A client that closes its side no longer waits for the engine.
  if (last) await until(`${last}`, () => raw.socket.destroyed || last.test(raw.received().toString('latin1')))
  raw.socket.end()
  await within(raw.closed, 'close')
  return { answer: raw.received(), wasReset }
}

/** If bytes follow that the gateway no longer reads, TCP may reset the connection and lose the response (RFC 9112, 9.6). */
const MAX_RESETS = 10

/** Returns the response to `parts`, whose end is `last`. Writes them again after a reset that lost the response. */
const exchange = async (
  parts: readonly (string | Uint8Array)[],
  last?: RegExp,
  resets = 0,
): Promise<Buffer> => {
  const { answer, wasReset } = await exchangeOnce(parts, last)
  const isLost = wasReset && answer.length === 0 && resets < MAX_RESETS
  return isLost ? exchange(parts, last, resets + 1) : answer
}

const STATUS = /^HTTP\/1\.1 (\d{3}) [A-Z][A-Za-z ]+\r\n/

const assertAnswered = (answer: Buffer, sent: string): void => {
  // A request that has not begun has no answer: blank lines before one are ignored (RFC 9112, 2.2).
  if (/^[\r\n]*$/.test(sent)) return
  // Node closes these without an answer.
  if (/^[\r\n]*CONNECT /.test(sent) && answer.length === 0) return
  assert.match(answer.toString('latin1'), STATUS, JSON.stringify(sent.slice(0, 300)))
}

const ODD = [
  '',
  ' ',
  '\t',
  '\0',
  '\x7f',
  '\u00ff',
  ',',
  ',,,',
  '13, 13',
  '12',
  '-1',
  '1e1',
  'websocket',
  'WebSocket, h2c',
  'h2c',
  'Upgrade',
  'keep-alive',
  'close',
  'chunked',
  'chunked, gzip',
  '0',
  '1',
  '99999999999999999999',
  '-5',
  '0x10',
  'chat-session.v1',
  'chat-session.v1, chat-session.v1',
  'chat-session.v1, start.',
  'chat-session.v1, start.!!!!',
  `chat-session.v1, start.${base64url('{"type":"start"}')}`,
  `chat-session.v1, start.${base64url('[]')}, start.${base64url('[]')}`,
  `chat-session.v1, start.${base64url('['.repeat(5_000))}`,
  'x'.repeat(20_000),
  ','.repeat(20_000),
  '"'.repeat(200),
  'permessage-deflate; server_max_window_bits=8, '.repeat(50),
  'dGhlIHNhbXBsZSBub25jZQ==',
  'dGhlIHNhbXBsZSBub25jZQ',
  'https://evil.example',
  'null',
]
const NAMES = [
  'Host',
  'Upgrade',
  'Connection',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Version',
  'Sec-WebSocket-Protocol',
  'Sec-WebSocket-Extensions',
  'Origin',
  'X-Forwarded-For',
  'Content-Length',
  'Transfer-Encoding',
  'Expect',
  'HTTP2-Settings',
  'Cookie',
  '__proto__',
  'X Y',
  '',
]
const METHODS = ['GET', 'POST', 'HEAD', 'OPTIONS', 'CONNECT', 'PRI', 'get', 'DELETE', 'TRACE', '']
const TARGETS = [
  '/v1/session',
  '/v1/session?a=b',
  'http://other/v1/session',
  '*',
  '//',
  '/../v1/session',
  '/v1/apps/app/users',
  // The script is not requested: the first request for it reads files, and Node drops a response to a client that has half closed.
  '/v1/errors',
  '/%',
  '/%00',
  'x',
  '',
  `/${'a'.repeat(9_000)}`,
]

const value = fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: 'binary', maxLength: 30 }))
const line = fc
  .tuple(
    fc.constantFrom(...NAMES),
    fc.constantFrom(': ', ':', ' : ', ' ', ''),
    value,
    fc.constantFrom('\r\n', '\n', '\r', '\r\n ', ''),
  )
  .map((parts) => parts.join(''))

/** A valid handshake with some lines replaced and some added. */
const request = fc
  .record({
    method: fc.oneof(
      { weight: 5, arbitrary: fc.constant('GET') },
      { weight: 2, arbitrary: fc.constantFrom(...METHODS) },
    ),
    target: fc.oneof({ weight: 3, arbitrary: fc.constant('/v1/session') }, fc.constantFrom(...TARGETS)),
    version: fc.oneof(
      { weight: 6, arbitrary: fc.constant('HTTP/1.1') },
      fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTTP', 'http/1.1', ''),
    ),
    changes: fc.dictionary(fc.constantFrom(...NAMES.slice(0, 6)), fc.option(value), { maxKeys: 2 }),
    more: fc.array(line, { maxLength: 3 }),
    rest: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, fc.string({ unit: 'binary', maxLength: 40 })),
  })
  .map(({ method, target, version, changes, more, rest }) => {
    const [, ...lines] = handshake(changes).split('\r\n')
    return `${method} ${target} ${version}\r\n${more.join('')}${lines.join('\r\n')}${rest}`
  })

/** Cuts `text` at these positions. With `half` the last part is left out. */
const cut = (text: string, places: number[], half: boolean): string[] => {
  const sorted = [...new Set(places.map((place) => place % (text.length + 1)))].sort(
    (one, other) => one - other,
  )
  const parts = [...sorted, text.length].map((end, index) => text.slice(sorted[index - 1] ?? 0, end))
  return half ? parts.slice(0, -1) : parts
}

test('a handshake with any lines, in any packets, whole or cut off, is answered with a status and closed', async () => {
  await fc.assert(
    fc.asyncProperty(
      request,
      fc.array(fc.nat(), { maxLength: 5 }),
      fc.boolean(),
      async (text, places, half) => {
        const parts = cut(text, places, half)
        assertAnswered(await exchange(parts.map((part) => Buffer.from(part, 'latin1'))), parts.join(''))
      },
    ),
    { numRuns: runs(400) },
  )
  await assertUnharmed()
})

test('bytes that are no HTTP are answered with a status and closed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      assertAnswered(await exchange([bytes]), Buffer.from(bytes).toString('latin1'))
    }),
    { numRuns: runs(150) },
  )
  await assertUnharmed()
})

for (const [what, text] of [
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a response', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  [
    'two lengths',
    'POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
  ],
  [
    'a length and chunks',
    'POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a thousand headers', `GET /v1/session HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(3_000)}\r\n`],
  ['a header of 40 kB', handshake({ Cookie: 'x'.repeat(40_000) })],
  ['a request line of 40 kB', `GET /${'x'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  [
    'a chunk with a length of 16 EB',
    'POST /v1/apps/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx',
  ],
  [
    'an unexpected body of 1 MB',
    `POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`,
  ],
  ['a handshake with a body', handshake({ 'Content-Length': '5' }) + 'hello'],
  ['two handshakes', handshake() + handshake()],
] as const)
  test(`${what} is answered with a status and closed`, async () => {
    assertAnswered(await exchange([Buffer.from(text, 'latin1')]), text)
    await assertUnharmed()
  })

test('a request that is never finished is closed', async () => {
  const halves = [
    '',
    'G',
    'GET /v1/session',
    handshake().slice(0, -2),
    'POST /v1/apps/app/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx',
  ]
  const sockets = await Promise.all(halves.map(() => openRaw(url)))
  for (const [index, { socket }] of sockets.entries()) socket.write(halves[index] ?? '')
  // Bun keeps the socket of an answered request for 30 s, and looks for such sockets every 4 s.
  const longest = process.versions['bun'] === undefined ? 20_000 : 40_000
  await within(Promise.all(sockets.map(({ closed }) => closed)), 'close', longest)
})

test('a start of any JSON in the handshake ends with a code', async () => {
  const users = Array.from({ length: 50 }, (_, index) => startOf(`fuzz ${index}`))
  const good = (await Promise.all(users)).map((start) => JSON.stringify(start))
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.constantFrom(...good)),
      async (text) => {
        const protocol = `chat-session.v1, start.${base64url(text)}`
        const answer = await exchange(
          [handshake({ 'Sec-WebSocket-Protocol': protocol }), rawFrame('text', '{"type":"end"}')],
          /"type":"ended"/,
        )
        assert.match(
          answer.toString('latin1'),
          /"type":"ended","code":"(ended|bad-request|unauthenticated|unknown-app|too-large)"/,
        )
      },
    ),
    { numRuns: runs(150) },
  )
  await assertUnharmed()
})

test('a hundred requests on one socket that ask for HTTP/2 are answered without a warning', async () => {
  const raw = await openRaw(url)
  const upgrade = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABk' }
  const answers = (): number => raw.received().toString('latin1').split('HTTP/1.1 200 OK').length - 1
  for (let count = 1; count <= 100; count += 1) {
    raw.socket.write(handshake(upgrade, '/healthz'))
    await until(`answer ${count}`, () => answers() === count)
  }
  raw.socket.destroy()
  await assertUnharmed()
})

test('a session that started before the attacks goes on', assertUnharmed)
