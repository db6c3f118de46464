// Odd answers of an app's backend and of its key server, and clients that try to pass more headers to the backend than the config names.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { test } from 'node:test'
import fc from 'fast-check'
import { forge } from '../../support/forged-tokens.js'
import { startGateway } from '../../support/gateway.js'
import { assertSpeaksProtocol, readFrames } from '../../support/clients/gateway-frames.js'
import { startServer } from '../../support/network/http-server.js'
import { base64url, handshake, openClient, openRaw, startProtocol, within } from '../../support/raw-client.js'
import { runs } from './support.js'
import { startWithParams } from '../../support/starts.js'

const backendSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

let respond: (response: ServerResponse) => void = () => undefined
const received: IncomingHttpHeaders[] = []
const backend = await startServer((request, response) => {
  received.push(request.headers)
  request.resume().on('end', () => respond(response))
})
const authenticateUrl = { url: `${backend.url}/auth`, secrets: [backendSecret] }

const { url } = await startGateway({ authenticateUrl }, { startTimeout: 3 })
const forwarding = await startGateway({
  authenticateUrl: { ...authenticateUrl, forwardHeaders: ['cookie', 'x-tenant'] },
  origins: ['https://www.example.com'],
})

const start = startWithParams('ada', { a: 'b' })

/** Resolves with the code of the start's end; `started` if it was accepted. */
const outcomeOf = async (address: string): Promise<unknown> => {
  const client = openClient(address, { start })
  const frame = await client.next()
  client.close()
  return frame.type === 'started' ? 'started' : frame['code']
}

const bodies = [
  ...['[', '{', '"'].map((text) => text.repeat(60_000)),
  '{"ok":true,"user":'.repeat(3_000),
  `{"ok":false,"ok":true,"expiresIn":1e999}`,
  '{"ok":true,"expiresIn":-1}',
  '{"__proto__":{"ok":true}}',
  '{"ok":{"valueOf":true}}',
  '{"ok":true,"user":{"custom":{"__proto__":{"a":"b"}}}}',
  `{"ok":true,"user":{"name":"${'x'.repeat(60_000)}"}}`,
  '{"ok":true,"userId":"\\u0061d\\u0061\\u0000"}',
]

for (const [index, body] of bodies.entries())
  test(`answer ${index} of the corpus lets no one in`, async () => {
    respond = (response) => response.end(body)
    assert.match(String(await outcomeOf(url)), /^(unauthenticated|unavailable)$/)
  })

test('an answer of any JSON lets a user in only if it says ok: true', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.jsonValue({ maxDepth: 3 }),
        fc.record(
          { ok: fc.jsonValue(), user: fc.jsonValue(), expiresIn: fc.jsonValue() },
          { requiredKeys: [] },
        ),
      ),
      async (answer) => {
        respond = (response) => response.end(JSON.stringify(answer))
        const outcome = await outcomeOf(url)
        const isOk = (answer as { ok?: unknown } | null)?.ok === true
        assert.ok(
          outcome === 'unauthenticated' || outcome === 'unavailable' || (outcome === 'started' && isOk),
        )
      },
    ),
    { numRuns: runs(60) },
  )
})

for (const [what, write] of Object.entries<(response: ServerResponse) => void>({
  'endless information': (response) => {
    const timer = setInterval(() => response.writeEarlyHints({ link: '</x>; rel=preload' }), 1)
    response.on('close', () => clearInterval(timer))
  },
  'a header of 1 MB': (response) =>
    void response.socket?.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(2 ** 20)}\r\n\r\n`),
  'two lengths': (response) =>
    void response.socket?.end(
      'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Length: 2\r\n\r\n{"ok":true}',
    ),
  'an unknown coding': (response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('{"ok":true}'),
  'no HTTP': (response) => void response.socket?.end('{"ok":true}\r\n\r\n'),
}))
  test(`a backend that answers with ${what} lets no one in, and the next start is answered`, async () => {
    respond = write
    assert.equal(await outcomeOf(url), 'unavailable')
    respond = (response) => response.end('{"ok":true}')
    assert.equal(await outcomeOf(url), 'started')
  })

const smuggled = [
  'Cookie: a=1\r\n X-Tenant: evil',
  'Cookie: a=1\rX-Tenant: evil',
  'Cookie: a=1\nX-Tenant: evil',
  'Cookie: a=1\u0000X-Tenant: evil',
  'Cookie: a=1\u0085X-Tenant: evil\u2028x',
  'Cookie: a=\u0001\u001f\u007f',
  'Cookie : a=1',
  'Cookie: a=1\r\nCookie: b=2\r\ncookie: c=3',
  `Cookie: ${'x'.repeat(15_000)}`,
  'webhook-signature: v1,forged\r\nwebhook-id: forged\r\nHost: evil\r\nX-Other: 1',
  'Content-Length: 0\r\nTransfer-Encoding: chunked',
  'Authorization: Bearer stolen\r\nX-Forwarded-For: 1.2.3.4',
]

for (const [index, lines] of smuggled.entries())
  test(`header lines ${index} of the corpus get nothing to the backend that the config does not name`, async () => {
    respond = (response) => response.end('{"ok":true,"userId":"ada"}')
    received.length = 0
    const raw = await openRaw(forwarding.url)
    const request = handshake({
      Origin: 'https://www.example.com',
      'Sec-WebSocket-Protocol': `chat-session.v1, ${startProtocol(start)}`,
    })
    raw.socket.write(request.replace(/\r\n\r\n$/, `\r\n${lines}\r\n\r\n`), 'latin1')
    const { status } = await raw.answer()
    raw.socket.end()
    await within(raw.closed, 'close')
    if (status === 101) {
      const bytes = raw.received()
      assertSpeaksProtocol(readFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)))
    }
    for (const headers of received) {
      assert.equal(headers['x-tenant'], undefined)
      assert.equal(headers['x-other'], undefined)
      assert.equal(headers.authorization, undefined)
      assert.equal(headers['x-forwarded-for'], undefined)
      assert.equal(headers.host, new URL(backend.url).host)
      assert.doesNotMatch(String(headers['webhook-id']) + String(headers['webhook-signature']), /forged/)
    }
  })

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 })
const weak = publicKey.export({ format: 'jwk' })

for (const [what, keys] of Object.entries({
  'a secret key': [{ kty: 'oct', kid: 'k', k: base64url('known') }],
  'a secret key that claims to be of RSA': [{ kty: 'oct', alg: 'RS256', kid: 'k', k: base64url('known') }],
  'a short RSA key': [{ ...weak, kid: 'k' }],
  'no objects': [null, 1, 'x', []],
  'no list': { kty: 'RSA' },
  'a key without its numbers': [{ kty: 'RSA', kid: 'k' }],
}))
  test(`a key set with ${what} lets no one in`, async () => {
    const server = await startServer((_, response) => response.end(JSON.stringify({ keys })))
    const own = await startGateway({ secrets: [], jwks: { url: server.url, algorithms: ['RS256'] } })
    const claims = { sub: 'ada', iss: 'app', tokenType: 'user', exp: 4_000_000_000 }
    for (const alg of ['HS256', 'RS256', 'none']) {
      const token = forge(claims, { alg, kid: 'k' }, 'known')
      const client = openClient(own.url, { start: { type: 'start', appId: 'app', token } })
      const { frame } = await client.end()
      assert.match(String(frame['code']), /^(unauthenticated|unavailable)$/)
    }
    await own.close()
  })
