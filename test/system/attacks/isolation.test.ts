// One connection misbehaves. Another one on the same gateway must not notice, and nothing may be thrown.
import assert from 'node:assert/strict'
import { after, afterEach, beforeEach, test } from 'node:test'
import { rawFrame } from '../../support/clients/raw-session.js'
import {
  handshake,
  openClient,
  openRaw,
  startClient,
  startProtocol,
  type Client,
} from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'

const uncaught: unknown[] = []
const note = (error: unknown): void => void uncaught.push(error)
process.on('uncaughtException', note)
process.on('unhandledRejection', note)
after(() => {
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
})

const { url } = await startGateway({
  authenticate: ({ userId }) => {
    if (userId === 'sync') throw new Error('it throws')
    return Promise.reject(new Error('it rejects'))
  },
})

let bystander: Client
beforeEach(async () => {
  bystander = await startClient(url, await startOf('bystander'))
})
afterEach(async () => {
  bystander.send({ type: 'read', epoch: '', offset: 0 })
  assert.equal((await bystander.next()).type, 'refused', 'the other session is answered')
  bystander.close()
  assert.deepEqual(uncaught, [])
})

for (const userId of ['sync', 'async'])
  test(`an authenticate that fails (${userId}) ends that start as unavailable`, async () => {
    const { code, reason } = await openClient(url, {
      start: { type: 'start', appId: 'app', userId, authParams: {} },
    }).end()
    assert.deepEqual([code, reason], [4503, 'unavailable'])
  })

test('10,000 frames at once are all answered', async () => {
  const client = await startClient(url, await startOf('flood'))
  for (let index = 0; index < 10_000; index += 1) client.send({ type: 'read', epoch: '', offset: index })
  await until(
    '10,000 answers',
    () => client.frames.filter(({ type }) => type === 'refused').length === 10_000,
  )
  client.close()
})

test('a connection that is reset in the middle of a frame', async () => {
  const raw = await openRaw(url)
  raw.socket.write(
    handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${startProtocol(await startOf('half'))}` }),
  )
  await raw.answer()
  raw.socket.write(rawFrame('text', '{"type":"pong"}').subarray(0, 9))
  await until('a session', () => raw.received().includes('started'))
  raw.socket.resetAndDestroy()
  await raw.closed
})

test('a TCP connection that is reset in the middle of a handshake, and right after it', async () => {
  for (const text of [
    handshake().slice(0, 40),
    handshake(),
    handshake({}, '/elsewhere'),
    handshake({ 'Sec-WebSocket-Protocol': null }),
  ]) {
    const raw = await openRaw(url)
    await new Promise((resolve) => raw.socket.write(text, resolve))
    raw.socket.resetAndDestroy()
    await raw.closed
  }
})
