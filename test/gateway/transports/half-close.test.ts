// A client that closes its side of the socket still reads.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { createMemoryEngine, type Engine } from '../../../src/engine/index.js'
import { assertSpeaksProtocol, readFrames } from '../../support/clients/gateway-frames.js'
import { rawFrame } from '../../support/clients/raw-session.js'
import { handshake, openRaw, startClient, startProtocol, within, startAs } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startOf, startWithParams, resumeOf } from '../../support/starts.js'
import { attachGateway } from '../../support/gateway.js'

/**
 * A gateway whose `authenticate` and `authorizeSend` wait until `answer` is called. `sockets` are its sides of the connections.
 * Without an `engine` it has one in memory. `pingInterval` is in seconds.
 */
const runSlowGateway = async ({
  engine,
  pingInterval = 25,
}: { engine?: Engine; pingInterval?: number } = {}) => {
  let answer: () => void = () => undefined
  const answered = new Promise<void>((resolve) => (answer = resolve))
  let asked = 0
  const ask = async (): Promise<void> => {
    asked += 1
    await answered
  }
  const sockets: Socket[] = []
  const server = createServer().on('connection', (socket: Socket) => sockets.push(socket))
  const { url } = await attachGateway(
    {
      authenticate: () => ask().then(() => ({ ok: true })),
      authorizeSend: () => ask().then(() => true),
    },
    { pingInterval },
    { server, ...(engine && { engine }) },
  )
  return { url, sockets, answer: () => answer(), asked: () => asked }
}

const openHalf = async (url: string, start: object) => {
  const raw = await openRaw(url, { allowHalfOpen: true })
  raw.socket.write(handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${startProtocol(start)}` }))
  await raw.answer()
  const frames = () => {
    const bytes = raw.received()
    return readFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))
  }
  return { ...raw, frames }
}

test('a client that half-closes before `started` gets a code after which it may reconnect, a close, and no session', async () => {
  const { url, sockets, answer, asked } = await runSlowGateway()
  const raw = await openHalf(url, startWithParams('ada'))
  await until('asked', asked, 1)
  raw.socket.end()
  await until('the end is read', () => sockets[0]?.readableEnded === true)
  answer()
  assert.equal(await within(raw.closed, 'close'), false, 'the socket closes without an error')
  assert.equal(assertSpeaksProtocol(raw.frames()), 'unavailable')
  assert.doesNotMatch(raw.received().toString(), /"started"/)
})

/** A client of `runSlowGateway` that has sent a message to itself and closed its side. The gateway has read the end and not answered. */
const halfCloseInSession = async (options?: { pingInterval: number }) => {
  const { asked, ...gateway } = await runSlowGateway(options)
  const raw = await openHalf(gateway.url, await startOf('ada'))
  await until('started', () => raw.received().includes('"type":"started"'))
  raw.socket.write(rawFrame('text', '{"type":"send","id":"m1","to":"ada","body":"x"}'))
  await until('asked', asked, 1)
  raw.socket.end()
  await until('the end is read', () => gateway.sockets[0]?.readableEnded === true)
  return { ...gateway, raw }
}

test('a client that half-closes in a session gets the answers to the frames that it has sent', async () => {
  const { answer, raw } = await halfCloseInSession()
  answer()
  assert.equal(await within(raw.closed, 'close'), false, 'the socket closes without an error')
  assertSpeaksProtocol(raw.frames())
  assert.match(raw.received().toString(), /"type":"sent","id":"m1"/)
})

test('a client that half-closes in a session and then breaks its connection ends nothing but its connection', async () => {
  // A socket that is neither read nor written does not notice a reset until the next ping.
  const { url, sockets, answer, raw } = await halfCloseInSession({ pingInterval: 1 })
  raw.socket.resetAndDestroy()
  await until('the socket has closed', () => sockets[0]?.closed === true)
  const next = await startAs(url, 'ada')
  answer()
  assert.equal((await next.next('message'))['body'], 'x', 'the message that was sent before is stored')
})

test('a client whose connection is lost while its session is resumed resumes it with the same key', async () => {
  const memory = createMemoryEngine()
  let resumed = 0
  let answer: () => void = () => undefined
  const answered = new Promise<void>((resolve) => (answer = resolve))
  const startSession: Engine['startSession'] = async (request) => {
    const session = await memory.startSession(request)
    if (session?.resumed && ++resumed === 1) await answered
    return session
  }
  const engine = new Proxy(memory, {
    get: (_, name: keyof Engine) => (name === 'startSession' ? startSession : memory[name].bind(memory)),
  })
  const { url, sockets } = await runSlowGateway({ engine })
  const first = await startAs(url, 'ada')
  const { sessionId } = first.started
  first.close()
  const start = await startOf('ada', resumeOf(first.started, 0))
  const raw = await openHalf(url, start)
  await until('the engine has resumed the session', () => resumed, 1)
  raw.socket.end()
  await until('the end is read', () => sockets.at(-1)?.readableEnded === true)
  answer()
  await within(raw.closed, 'close')
  const next = await startClient(url, start)
  assert.deepEqual([next.started['resumed'], next.started['sessionId']], [true, sessionId])
})
