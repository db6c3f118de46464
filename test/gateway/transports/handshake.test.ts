// Starts in the handshake. test/system/transports has the cases that Bun has too: packets, subprotocols, targets and sizes of headers.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { base64url, handshake, openClient, openRaw, startProtocol, within } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startGateway } from '../../support/gateway.js'
import { startOf, startWithParams } from '../../support/starts.js'

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
})

void describe('without `chat-session.v1` and a start', { concurrency: true }, () => {
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
})

test('the 101 does not wait for the verification', async () => {
  const client = openClient(url, {
    start: startWithParams('ada', { pass: 1 }),
  })
  // The answer comes sooner than `startTimeout`.
  assert.equal(await within(client.opened, '101', 20_000), 'chat-session.v1')
  assert.deepEqual(client.frames, [])
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
})

for (const [what, start] of [
  ['is base64 of another kind', `start.${good.replaceAll('_', '+')}`],
  ['has a character that is not base64url', `start.${good}!`],
  ['has bits to spare that are not zero', `start.${spare}`],
  ['is not UTF-8', `start.${base64url(Buffer.from([0x7b, 0xff, 0x7d]))}`],
  ['is not JSON', `start.${base64url('nonsense')}`],
  ['is empty', 'start.'],
  ['has another one beside it', `start.${good} start.${spare}`],
] as const)
  test(`a start in the handshake that ${what} is refused inside the WebSocket`, async () => {
    const client = openClient(url, { protocols: ['chat-session.v1', ...start.split(' ')] })
    assert.equal(await client.opened, 'chat-session.v1')
    const { frame, code, reason } = await client.end()
    assert.equal(frame['code'], 'bad-request')
    assert.equal(frame['retryable'], false)
    assert.deepEqual({ code, reason }, { code: 4400, reason: 'bad-request' })
  })
