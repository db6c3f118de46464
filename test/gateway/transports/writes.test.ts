// How many writes a connection's frames take, counted where the stream passes them to the operating system.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryEngine, type Engine } from '../../../src/engine/index.js'
import { rawFrame } from '../../support/clients/raw-session.js'
import {
  handshake,
  openRaw,
  startClient,
  startProtocol,
  within,
  startAs,
  roundTrip,
  type Client,
} from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startOf } from '../../support/starts.js'
import { attachGateway, type AttachedGateway } from '../../support/gateway.js'

/** The bytes of each write since the latest reset. */
const writes: number[] = []

const watch = (socket: Socket): void => {
  const [write, writev] = [socket._write.bind(socket), socket._writev?.bind(socket)]
  socket._write = (chunk: Buffer | string, ...rest) => {
    writes.push(chunk.length)
    write(chunk, ...rest)
  }
  socket._writev = (chunks: { chunk: Buffer | string }[], done) => {
    writes.push(chunks.reduce((bytes, { chunk }) => bytes + chunk.length, 0))
    writev?.(chunks as Parameters<NonNullable<typeof writev>>[0], done)
  }
}

/** An engine that stores sessions as late as one with a disk. */
const createSlowEngine = (): Engine => {
  const engine = createMemoryEngine()
  const { startSession } = engine
  engine.startSession = async (request) => {
    await sleep(2)
    return startSession.call(engine, request)
  }
  return engine
}

/** Starts a gateway on a watched server. */
const serve = (engine: Engine): Promise<AttachedGateway> =>
  attachGateway({}, {}, { engine, server: createServer().on('connection', watch) })
const { url, gateway } = await serve(createMemoryEngine())
const { url: slowUrl } = await serve(createSlowEngine())

/** Starts a session, waits until nothing more is written to it, and resets `writes`. */
const quiet = async (userId: string): Promise<Client> => {
  const client = await startAs(url, userId)
  await roundTrip(client)
  writes.length = 0
  return client
}

const publish = (count: number, to: string, body: string): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, () => gateway.publish({ appId: 'app', to, body })))

const arrived = async (client: Client, count: number): Promise<void> => {
  for (let n = 1; n <= count; n++) assert.equal((await client.next('message'))['offset'], n)
}

test('frames of one turn leave in one write', async () => {
  const client = await quiet('ada')
  await publish(20, 'ada', 'Hello')
  await arrived(client, 20)
  assert.equal(writes.length, 1)
})

test('frames of one turn that are many bytes leave in several writes, each of a bounded size', async () => {
  const client = await quiet('bob')
  const body = 'x'.repeat(1_000)
  await publish(100, 'bob', body)
  await arrived(client, 100)
  assert.ok(writes.length > 10 && writes.length < 20, `${writes.length} writes`)
  for (const bytes of writes) assert.ok(bytes <= 8_192, `a write of ${bytes} bytes`)
})

test('`started` leaves in the write that accepts the handshake', async () => {
  const start = await startOf('carol')
  for (const of of [url, slowUrl]) {
    writes.length = 0
    const client = await startClient(of, start)
    assert.equal(writes.length, 1)
    client.close()
  }
})

test('frames of one turn are written before the close frame that answers a client', async () => {
  const raw = await openRaw(url)
  raw.socket.write(
    handshake({ 'Sec-WebSocket-Protocol': `chat-session.v1, ${startProtocol(await startOf('eve'))}` }),
  )
  await raw.answer()
  await until('started', () => raw.received().includes('"type":"started"'))
  raw.socket.write(
    Buffer.concat([
      rawFrame('text', '{"type":"send","id":"m1","to":"..","body":"x"}'),
      rawFrame('close', ''),
    ]),
  )
  await within(raw.closed, 'close')
  const bytes = raw.received()
  assert.ok(bytes.includes('"type":"refused","re":"send","id":"m1"'))
  assert.equal(bytes.subarray(-2).toString('hex'), '8800', 'the last frame is the close frame')
})
