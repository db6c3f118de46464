// The same attacks on every kind of server that a gateway runs on: its own and a host's, with TLS and without.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { makeCertificate } from '../../support/network/certificates.js'
import { rawFrame } from '../../support/clients/raw-session.js'
import { handshake, startClient, startProtocol, within } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { attachGateway, startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'
import { assertSpeaksProtocol, readFrames } from '../../support/clients/gateway-frames.js'

const folder = scratchFolder()
const { cert, key } = makeCertificate(folder, 'server')
const pems = { cert: readFileSync(cert), key: readFileSync(key) }
const app = { limits: { bytesPerSecond: 16_384 } }
const config = { startTimeout: 2 } satisfies Partial<GatewayConfig>

const answerAsHost: RequestListener = (_, response) => void response.end('host')
const tlsServer = createTlsServer({ maxHeaderSize: 32_768, ...pems }, answerAsHost)

const servers = {
  'a server of its own': { url: (await startGateway(app, config)).url, isOwn: true, isTls: false },
  'a TLS server of its own': {
    url: (await startGateway(app, { ...config, listen: { port: 0, tls: { cert, key } } })).url,
    isOwn: true,
    isTls: true,
  },
  'an attached server': {
    url: (await attachGateway(app, config, { site: answerAsHost })).url,
    isOwn: false,
    isTls: false,
  },
  'an attached TLS server': {
    url: (await attachGateway(app, config, { server: tlsServer })).url,
    isOwn: false,
    isTls: true,
  },
}

interface Stranger {
  socket: Socket
  text(): string
  /** Resolves with whether an error closed the socket. */
  closed: Promise<boolean>
}

const watch = (socket: Socket): Stranger => {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => undefined)
  after(() => socket.destroy())
  const closed = new Promise<boolean>((resolve) => socket.once('close', resolve))
  return { socket, closed, text: () => Buffer.concat(chunks).toString('latin1') }
}

const portOf = (url: string): number => Number(new URL(url).port)

/** A TCP connection without a TLS handshake. */
const plain = (url: string): Stranger => watch(connect(portOf(url), '127.0.0.1'))

const secure = (url: string, options = {}): Stranger & { socket: TLSSocket } => {
  const socket = connectTls({ port: portOf(url), host: '127.0.0.1', ca: pems.cert, ...options })
  return { ...watch(socket), socket }
}

const attacked = await Promise.all(
  Object.entries(servers).map(async ([what, { url, isOwn, isTls }]) => {
    const honest = await startClient(url, await startOf('honest'), { ca: pems.cert })
    let sent = 0
    return {
      what,
      url,
      isOwn,
      isTls,
      honest,
      stranger: (): Stranger => (isTls ? secure(url) : plain(url)),
      assertServed: async (): Promise<void> => {
        const id = `m${(sent += 1)}`
        honest.send({ type: 'send', id, to: 'honest', body: 'x' })
        assert.equal((await honest.next('sent'))['id'], id)
        const newcomer = await startClient(url, await startOf('newcomer'), { ca: pems.cert })
        newcomer.close()
      },
    }
  }),
)

// Each server takes some seconds, so they are attacked at once.
test('on each server, an upgrade that sends no start, or half a frame, ends as timeout', async () => {
  await Promise.all(
    attacked.map(async ({ what, stranger, assertServed }) => {
      const strangers = [Buffer.alloc(0), rawFrame('text', '{"type":"start"').subarray(0, 9)].map((bytes) => {
        const each = stranger()
        each.socket.write(Buffer.concat([Buffer.from(handshake()), bytes]))
        return each
      })
      for (const { closed, text } of strangers) {
        await within(closed, 'close')
        assert.match(text(), /"code":"timeout"/, what)
      }
      await assertServed()
    }),
  )
})

for (const { what, url, isOwn, isTls, honest, stranger, assertServed } of attacked) {
  test(`${what}: 3 MB of pipelined requests get a 429 and no reset`, async () => {
    const { socket, closed, text } = stranger()
    const get = 'GET /v1/chat-session.js HTTP/1.1\r\nHost: gateway\r\n\r\n'
    socket.write(get.repeat((3 * 2 ** 20) / get.length))
    assert.equal(await within(closed, 'close'), false, 'the socket closes without an error')
    const last = text().slice(text().lastIndexOf('HTTP/1.1 '))
    assert.match(last, /^HTTP\/1\.1 429 /)
    assert.match(last, /^connection: close\r$/im)
    assert.match(last, /^content-type: application\/problem\+json\r$/im)
    assert.match(last, /"code":"rate-limited"/)
    await assertServed()
  })

  test(`${what}: a flood of WebSocket pings in a session ends as rate-limited, without a reset`, async () => {
    const { socket, closed, text } = stranger()
    const start = startProtocol(await startOf('mallory'))
    socket.write(handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${start}` }))
    await until('started', () => text().includes('"started"'))
    socket.write(Buffer.concat(Array(200_000).fill(rawFrame('ping', ''))))
    assert.equal(await within(closed, 'close'), false, 'the socket closes without an error')
    const bytes = Buffer.from(text(), 'latin1')
    assert.equal(
      assertSpeaksProtocol(readFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))),
      'rate-limited',
    )
    await assertServed()
  })

  for (const count of [2, 100, 4_000])
    test(`${what}: ${count} pipelined upgrades to HTTP/2 are requests, of which a thousand at most are answered`, async () => {
      const { socket, closed, text } = stranger()
      const upgrade =
        'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n'
      socket.write(upgrade.repeat(count))
      const answers = (): number => text().split('HTTP/1.1 200').length - 1
      await until('the answers', answers, Math.min(count, 1_000))
      if (count > 1_000) assert.equal(await within(closed, 'close'), false)
      else socket.destroy()
      await assertServed()
    })

  test(`${what}: a WebSocket after requests that were refused is refused with them`, async () => {
    const { socket, closed, text } = stranger()
    socket.write('GET /v1/errors HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(40) + handshake())
    assert.equal(await within(closed, 'close'), false)
    assert.match(text(), /HTTP\/1\.1 429 /)
    assert.doesNotMatch(text(), /HTTP\/1\.1 101 /)
    await assertServed()
  })

  test(`${what}: a refused upgrade that goes on sending gets its 400, and no reset`, async () => {
    const { socket, closed, text } = stranger()
    socket.write(handshake({ 'Sec-WebSocket-Protocol': 'other' }) + 'x'.repeat(500_000))
    assert.equal(await within(closed, 'close'), false)
    assert.match(text(), /^HTTP\/1\.1 400 .*chat-session\.v1/s)
    await assertServed()
  })

  if (isOwn)
    test(`${what}: requests that are never finished are closed in the time of a start`, async () => {
      const halves = ['', 'G', handshake().slice(0, -2), 'GET /healthz HTTP/1.1\r\n']
      const strangers = halves.map((half) => {
        const each = stranger()
        each.socket.write(half)
        return each
      })
      await within(Promise.all(strangers.map(({ closed }) => closed)), 'close')
      await assertServed()
    })

  if (isTls) {
    test(`${what}: strangers who never finish the TLS handshake do not keep a newcomer away`, async () => {
      const hello = Buffer.from('160301020001', 'hex')
      const strangers = Array.from({ length: 200 }, (_, index) => {
        const each = plain(url)
        each.socket.write([hello, hello.subarray(0, 3), Buffer.from('GET / HTTP/1.1\r\n')][index % 3] ?? '')
        return each
      })
      await assertServed()
      if (isOwn) await within(Promise.all(strangers.map(({ closed }) => closed)), 'close')
    })

    test(`${what}: a client that renegotiates again and again is cut, before and in a WebSocket`, async () => {
      for (const first of ['', handshake()]) {
        const { socket, closed, text } = secure(url, { maxVersion: 'TLSv1.2' })
        socket.write(first)
        if (first) await until('101', () => text().includes('101'))
        for (let count = 0; count < 20 && !socket.destroyed; count += 1)
          await Promise.race([closed, new Promise((resolve) => socket.renegotiate({}, resolve))])
        await within(closed, 'close')
        await assertServed()
      }
    })
  }

  test(`${what}: the session from before all this goes on`, async () => {
    await assertServed()
    honest.close()
  })
}
