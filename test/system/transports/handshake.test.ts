// Handshakes of WebSockets, and requests that are none.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { restOf, statusAndCode } from '../../support/rest/rest-calls.js'
import { startOf } from '../../support/starts.js'
import { rawFrame } from '../../support/clients/raw-session.js'
import { handshake, openClient, openRaw, startProtocol, within } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { serveOnBoth, testOnBoth } from './serve.js'

const urlOf = await serveOnBoth()

testOnBoth('a start comes in one packet with the frames that follow it', async (runtime) => {
  const raw = await openRaw(urlOf(runtime))
  const start = startProtocol(await startOf('ada'))
  raw.socket.write(
    Buffer.concat([
      Buffer.from(handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${start}` })),
      rawFrame('text', '{"type":"end"}'),
    ]),
  )
  const answer = await raw.answer()
  assert.equal(answer.status, 101)
  assert.equal(answer.headers.get('sec-websocket-protocol'), 'chat-session.v1')
  // RFC 6455 gives this answer to the key of its example.
  assert.equal(answer.headers.get('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  assert.equal(answer.headers.get('sec-websocket-extensions'), undefined)
  await within(raw.closed, 'close')
  assert.match(raw.received().toString(), /"type":"started".*"type":"ended","code":"ended"/s)
})

testOnBoth('the answer to a handshake leaves in one packet with `started`', async (runtime) => {
  const url = urlOf(runtime)
  const raw = await openRaw(url)
  const packet = once(raw.socket, 'data') as Promise<[Buffer]>
  raw.socket.write(
    handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${startProtocol(await startOf('a new user'))}` }),
  )
  const [bytes] = await within(packet, 'packet')
  assert.match(bytes.toString(), /^HTTP\/1\.1 101 .*"type":"started"/s)
  raw.socket.destroy()
})

testOnBoth('the subprotocol is echoed alone, wherever it stands among those offered', async (runtime) => {
  const protocols = ['other', startProtocol(await startOf('ada')), 'chat-session.v1']
  const client = openClient(urlOf(runtime), { protocols })
  assert.equal(await client.opened, 'chat-session.v1')
  await client.next('started')
  client.close()
})

testOnBoth('a handshake at another path gets a 404', async (runtime) => {
  const url = urlOf(runtime)
  for (const path of ['/', '/v1/sessions', '/v1/session/', '//v1/session']) {
    const raw = await openRaw(url)
    raw.socket.write(handshake({}, path))
    assert.equal((await raw.answer()).status, 404, path)
    await within(raw.closed, 'close')
  }
})

testOnBoth('a request that is no handshake of version 13 opens no WebSocket', async (runtime) => {
  const url = urlOf(runtime)
  for (const request of [
    handshake({ Connection: null }),
    handshake({ Connection: 'keep-alive' }),
    handshake({ Upgrade: null }),
    handshake({ 'Sec-WebSocket-Key': null }),
    handshake({ 'Sec-WebSocket-Key': 'short' }),
    handshake({ 'Sec-WebSocket-Version': '12' }),
    handshake().replace('GET', 'POST'),
  ]) {
    const raw = await openRaw(url)
    raw.socket.write(request)
    const { status } = await raw.answer()
    assert.ok(status >= 400 && status < 500, `${status} for ${request}`)
    raw.socket.destroy()
  }
})

testOnBoth('a start in a POST starts no session', async (runtime) => {
  const url = urlOf(runtime)
  const raw = await openRaw(url)
  const start = startProtocol(await startOf('zed'))
  raw.socket.write(
    handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${start}` }).replace('GET', 'POST'),
  )
  const { status } = await raw.answer()
  assert.ok(status >= 400 && status < 500, String(status))
  raw.socket.destroy()
  // A start would have created the user.
  assert.deepEqual(statusAndCode(await restOf(url)('GET', '/users/zed')), [404, 'unknown-user'])
})

testOnBoth(
  'a handshake may have a whole URL as its target, a query, and lists of options',
  async (runtime) => {
    const url = urlOf(runtime)
    for (const request of [
      handshake({}, 'http://chat.example.com/v1/session'),
      handshake({}, '/v1/session?from=here'),
      handshake({ Connection: 'keep-alive, Upgrade', Upgrade: 'WebSocket' }),
    ]) {
      const raw = await openRaw(url)
      raw.socket.write(request)
      assert.equal((await raw.answer()).status, 101, request)
      raw.socket.destroy()
    }
  },
)

testOnBoth('headers of 31 kB are accepted, and headers of 33 kB get a 431', async (runtime) => {
  const url = urlOf(runtime)
  const start = startProtocol(await startOf('ada', { padding: 'x'.repeat(22_500) }))
  assert.ok(start.length > 30_000 && start.length < 32_000)
  const big = await openRaw(url)
  big.socket.write(handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${start}` }))
  await until('a session', () => big.received().includes('"type":"started"'))
  big.socket.destroy()
  const raw = await openRaw(url)
  raw.socket.write(handshake({ 'X-Padding': 'x'.repeat(33_000) }))
  assert.equal((await raw.answer()).status, 431)
})
