// Requests with so many headers that Node would leave some out.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { handshake, openRaw, startProtocol, within } from '../../support/raw-client.js'
import { attachGateway, newGateway, startGateway } from '../../support/gateway.js'
import { listen } from '../../support/network/http-server.js'
import { startOf } from '../../support/starts.js'

const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x${index}`, '1']))
const lines = (headers: Record<string, string>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')

const origins = ['https://shop.example']
const own = await startGateway({ origins })
const attached = await attachGateway({ origins })

test("on a server of the gateway's own, the Origin after 1,500 headers counts", async () => {
  const raw = await openRaw(own.url)
  const offers = `chat-session.v1, ${startProtocol(await startOf('ada'))}`
  raw.socket.write(
    handshake({ 'Sec-WebSocket-Protocol': offers, ...many(1_500), Origin: 'https://evil.example' }),
  )
  await within(raw.closed, 'close')
  // Bun itself refuses this many headers.
  assert.match(raw.received().toString(), /"code":"origin-refused"|^HTTP\/1\.1 431 /)
})

for (const count of [995, 1_000, 1_001, 1_020, 1_100, 2_500])
  test(`on an attached server, an Origin after ${count} headers is seen, or the request refused`, async () => {
    const raw = await openRaw(attached.url)
    const offers = `chat-session.v1, ${startProtocol(await startOf('ada'))}`
    raw.socket.write(
      handshake({ 'Sec-WebSocket-Protocol': offers, ...many(count), Origin: 'https://evil.example' }),
    )
    await within(raw.closed, 'close')
    assert.match(raw.received().toString(), /"code":"origin-refused"|^HTTP\/1\.1 431 /)
  })

test('on an attached server, a request to the gateway with too many headers gets a 431', async () => {
  const raw = await openRaw(attached.url)
  raw.socket.write(`GET /healthz HTTP/1.1\r\nHost: x\r\n${lines(many(1_200))}\r\n`)
  assert.equal((await raw.answer()).status, 431)
  raw.socket.destroy()
})

for (const count of [0, 900, 990, 1_000, 1_024, 2_000])
  test(`the body of a request with an upgrade and ${count} headers is never a request`, async () => {
    const seen: string[] = []
    const server = createServer({ maxHeaderSize: 32_768 }, (request: IncomingMessage, response) => {
      seen.push(request.url ?? '')
      request.resume().on('end', () => response.end())
    })
    newGateway().gateway.attach(server)
    const { url } = await listen(server)
    const body = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    const raw = await openRaw(url)
    raw.socket.write(
      `POST /form HTTP/1.1\r\nHost: x\r\n${upgrade}${lines(many(count))}Content-Length: ${body.length}\r\n\r\n${body}`,
    )
    // Node itself drops what comes in one chunk with a request that asks for an upgrade.
    const { status } = await raw.answer()
    if (status === 200) raw.socket.write('GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await within(raw.closed, 'close')
    assert.ok(!seen.includes('/smuggled'), seen.join(' '))
    assert.deepEqual(seen, count < 995 ? ['/form', '/last'] : [])
  })
