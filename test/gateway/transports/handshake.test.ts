import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  base64url,
  handshake,
  maskedFrame,
  openClient,
  openRaw,
  startClient,
  startProtocol,
  within,
} from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'
import { tokenFor } from '../../support/tokens.js'

const never = (): Promise<never> => new Promise(() => undefined)
const { url } = await startGateway({ authenticate: never }, { startTimeout: 30 })

test('a start in the handshake starts a session', async () => {
  const client = openClient(url, { start: await startOf('ada') })
  assert.equal(await client.opened, 'chat-session.v1')
  const started = await client.next()
  assert.equal(started.type, 'started')
  assert.deepEqual(started['user'], { id: 'ada' })
  assert.equal(started['guest'], false)
  assert.equal(started['resumed'], false)
  assert.equal(started['pingInterval'], 25_000)
  assert.equal(typeof started['sessionId'], 'string')
  assert.ok((started['expiresIn'] as number) > 3_590_000 && (started['expiresIn'] as number) <= 3_600_000)
  client.close()
})

test('a start as the first frame starts a session', async () => {
  const client = openClient(url)
  assert.equal(await client.opened, 'chat-session.v1')
  client.send(await startOf('ada'))
  assert.deepEqual((await client.next())['user'], { id: 'ada' })
  client.close()
})

test('unknown fields are ignored, in every frame', async () => {
  const client = await startClient(url, await startOf('ada', { colour: 'red', client: 'raw/1' }))
  client.send({ type: 'pong', colour: 'red' }, { type: 'token', token: await tokenFor('ada'), colour: 'red' })
  assert.equal((await client.next()).type, 'renewed')
  client.close()
})

test('two starts of one user are two sessions', async () => {
  const clients = await Promise.all([
    startClient(url, await startOf('ada')),
    startClient(url, await startOf('ada')),
  ])
  assert.equal(new Set(clients.map(({ started }) => started['sessionId'])).size, 2)
  for (const client of clients) client.close()
})

test('a raw handshake with a start works in one packet with the frames that follow it', async () => {
  const raw = await openRaw(url)
  const start = startProtocol(await startOf('ada'))
  raw.socket.write(
    Buffer.concat([
      Buffer.from(handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${start}` })),
      maskedFrame('{"type":"end"}'),
    ]),
  )
  const answer = await raw.answer()
  assert.equal(answer.status, 101)
  assert.equal(answer.headers.get('sec-websocket-protocol'), 'chat-session.v1')
  // RFC 6455 gives this answer to the key of its example.
  assert.equal(answer.headers.get('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  assert.equal(answer.headers.get('sec-websocket-extensions'), undefined)
  await within(raw.closed, 'close')
  const text = raw.received().toString()
  assert.match(text, /"type":"started".*"type":"ended","code":"ended"/s)
})

test('the subprotocol is echoed alone, wherever it stands among those offered', async () => {
  const start = startProtocol(await startOf('ada'))
  const client = openClient(url, { protocols: ['other', start, 'chat-session.v1'] })
  assert.equal(await client.opened, 'chat-session.v1')
  await client.next('started')
  client.close()
})

for (const [what, value] of [
  ['without any subprotocol', null],
  ['with another version alone', 'chat-session.v2'],
  ['with a start alone', startProtocol({ type: 'start' })],
] as const)
  test(`a handshake ${what} gets a 400`, async () => {
    const raw = await openRaw(url, { allowHalfOpen: true })
    raw.socket.write(handshake({ 'Sec-WebSocket-Protocol': value }))
    const answer = await raw.answer()
    assert.equal(answer.status, 400)
    // The gateway destroys the socket: it does not wait for the client to close its side.
    await until('a reset', () => {
      raw.socket.write('\r\n')
      return raw.socket.destroyed
    })
  })

test('the 101 does not wait for the verification', async () => {
  const client = openClient(url, {
    start: { type: 'start', appId: 'app', userId: 'ada', authParams: { pass: 1 } },
  })
  // Sooner than startTimeout.
  assert.equal(await within(client.opened, '101', 20_000), 'chat-session.v1')
  assert.deepEqual(client.frames, [])
  client.close()
})

// A valid start. Its last character has two unused bits, and one of its characters differs between base64 and base64url.
const good = base64url('{"type":"start","appId":"app","guest":true,"x":"???>ab"}')
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const spare = good.slice(0, -1) + (alphabet[alphabet.indexOf(good.at(-1) ?? '') + 1] ?? '')

test('the starts below are valid before they are changed', async () => {
  assert.match(good, /_/)
  assert.deepEqual(Buffer.from(spare, 'base64url'), Buffer.from(good, 'base64url'))
  const client = openClient(url, { protocols: ['chat-session.v1', `start.${good}`] })
  assert.equal((await client.next()).type, 'started')
  client.close()
})

for (const [what, start] of [
  ['is base64 of another kind', `start.${good.replaceAll('_', '+')}`],
  ['has a character that is not base64url', `start.${good}!`],
  ['has bits to spare that are not zero', `start.${spare}`],
  ['is not UTF-8', `start.${base64url(Buffer.from([0x7b, 0xff, 0x7d]))}`],
  ['is not JSON', `start.${base64url('nonsense')}`],
  ['is empty', 'start.'],
] as const)
  test(`a start in the handshake that ${what} is refused inside the WebSocket`, async () => {
    const client = openClient(url, { protocols: ['chat-session.v1', start] })
    assert.equal(await client.opened, 'chat-session.v1')
    const { frame, code, reason } = await client.end()
    assert.equal(frame['code'], 'bad-request')
    assert.equal(frame['retryable'], false)
    assert.deepEqual({ code, reason }, { code: 4400, reason: 'bad-request' })
  })

test('two starts in one handshake are a bad request', async () => {
  const protocols = [
    'chat-session.v1',
    startProtocol(await startOf('ada')),
    startProtocol(await startOf('eve')),
  ]
  const { code, reason } = await openClient(url, { protocols }).end()
  assert.deepEqual({ code, reason }, { code: 4400, reason: 'bad-request' })
})

test('a start of 15 kB in the handshake is accepted, and headers of 33 kB get a 431', async () => {
  const big = await startOf('ada', { padding: 'x'.repeat(11_500) })
  assert.ok(startProtocol(big).length > 15_000)
  const client = await startClient(url, big)
  client.close()
  const raw = await openRaw(url)
  raw.socket.write(handshake({ 'X-Padding': 'x'.repeat(33_000) }))
  assert.equal((await raw.answer()).status, 431)
})

test('a handshake may have a whole URL as its target, or a query', async () => {
  for (const target of ['http://chat.example.com/v1/session', '/v1/session?from=here']) {
    const raw = await openRaw(url)
    raw.socket.write(handshake({}, target))
    assert.equal((await raw.answer()).status, 101, target)
    raw.socket.destroy()
  }
})

test('a WebSocket for another path gets a 404', async () => {
  for (const target of ['/', '/v1/session/', '/v1/sessions', '//v1/session']) {
    const raw = await openRaw(url)
    raw.socket.write(handshake({}, target))
    assert.equal((await raw.answer()).status, 404, target)
    await within(raw.closed, 'close')
  }
})
