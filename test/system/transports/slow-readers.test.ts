// Clients that read slowly or not at all, and a gateway that closes meanwhile.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { startOf } from '../../support/starts.js'
import { startClient, startProtocol, within, type Close, type Frame } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { openSession, rawFrame } from '../../support/clients/raw-session.js'
import { serve, serveOnBoth, testOnBoth } from './serve.js'

/** Limits and retention that these tests do not reach. */
const app = {
  limits: { messagesPerSecond: 100_000, requestsPerSecond: 100_000, bytesPerSecond: 100_000_000 },
  retention: { messages: 10_000, bytes: 100_000_000 },
}
const urlOf = await serveOnBoth({}, app)

/** These are more messages than the kernel's buffers of one socket have room for. */
const MISSED = 1_500
const body = 'x'.repeat(14_000)

/** Sends messages to `userId`. */
const fill = async (url: string, userId: string, count = MISSED): Promise<void> => {
  const sender = await startClient(url, await startOf(`sender of ${userId}`))
  for (let sent = 0; sent < count; sent += 100) {
    sender.send(
      ...Array.from({ length: 100 }, (_, index) => ({
        type: 'send',
        id: `${sent + index}`,
        to: userId,
        body,
      })),
    )
    for (let answered = 0; answered < 100; answered += 1) await sender.next('sent')
  }
  sender.close()
}

interface Reader {
  socket: WebSocket
  frames: Frame[]
  closed: Promise<Close>
}

/** Opens a connection that is not read before `socket.resume()`. */
const openPaused = async (url: string, start: unknown): Promise<Reader> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/session`, [
    'chat-session.v1',
    startProtocol(start),
  ])
  const frames: Frame[] = []
  socket.on('message', (data: Buffer) => {
    frames.push(JSON.parse(data.toString()) as Frame)
    // This client is a slow device: it stops after each message, and reads on in a later turn.
    socket.pause()
    setImmediate(() => socket.resume())
  })
  const closed = new Promise<Close>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )
  await once(socket, 'open')
  socket.pause()
  return { socket, frames, closed }
}

const offsetsOf = (frames: readonly Frame[]): unknown[] =>
  frames.filter(({ type }) => type === 'message').map(({ offset }) => offset)

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

testOnBoth(
  `${MISSED} missed messages reach a slow reader who resumes, each once and in order`,
  async (runtime) => {
    const url = urlOf(runtime)
    const known = await startClient(url, await startOf('ada'))
    const { resumeKey: key, epoch } = known.started
    known.close()
    await fill(url, 'ada')
    const reader = await openPaused(url, await startOf('ada', { resume: { key, epoch, offset: 0 } }))
    // More messages come while the client does not read.
    await fill(url, 'ada', 100)
    reader.socket.resume()
    await until('all messages', () => offsetsOf(reader.frames).length, MISSED)
    assert.deepEqual(offsetsOf(reader.frames), upTo(MISSED))
    reader.socket.terminate()
  },
)

testOnBoth('pages of history reach a slow reader', async (runtime) => {
  const url = urlOf(runtime)
  await fill(url, 'bob')
  const known = await startClient(url, await startOf('bob'))
  const { epoch, offset, resumeKey: key } = known.started
  known.close()
  const reader = await openPaused(url, await startOf('bob', { resume: { key, epoch, offset } }))
  // A page has as many messages as fit into a frame.
  const pages = Array.from({ length: 90 }, (_, index) => index)
  for (const page of pages)
    reader.socket.send(JSON.stringify({ type: 'history', id: `${page}`, epoch, after: page * 4, limit: 4 }))
  reader.socket.resume()
  const answers = (): Frame[] => reader.frames.filter(({ type }) => type === 'history')
  await until('all pages', () => answers().length, pages.length)
  for (const { id, messages } of answers())
    assert.deepEqual(
      (messages as Frame[]).map(({ offset }) => offset),
      upTo(4).map((each) => each + 4 * Number(id)),
    )
  reader.socket.terminate()
})

testOnBoth('a client that sends and never reads is cut when more than 1 MB waits for it', async (runtime) => {
  const session = await openSession(urlOf(runtime), 'eve')
  session.socket.pause()
  const refused = Buffer.concat(
    Array.from({ length: 100 }, () => rawFrame('text', '{"type":"read","epoch":"none","offset":0}')),
  )
  let sent = 0
  // The kernel's buffers take some of the answers, which are longer than the frames.
  for (; !session.socket.destroyed && sent < 1_000_000; sent += 100)
    if (!session.socket.write(refused))
      await Promise.race([once(session.socket, 'drain').catch(() => undefined), session.closed])
  assert.ok(session.socket.destroyed, `${sent} frames were sent`)
  // The gateway runs.
  const other = await startClient(urlOf(runtime), await startOf('ada'))
  other.close()
})

testOnBoth(
  'a gateway that closes ends its sessions, and a slow reader gets every frame before the close',
  async (runtime) => {
    const { address, child, outcome } = await serve(runtime, { drainTime: 20 }, app)
    const client = await startClient(address, await startOf('ada'))
    const { resumeKey: key, epoch } = (await startClient(address, await startOf('bob'))).started
    await fill(address, 'bob')
    const reader = await openPaused(address, await startOf('bob', { resume: { key, epoch, offset: 0 } }))
    child.kill('SIGTERM')
    const { code, frame } = await client.end()
    assert.deepEqual([code, frame['code']], [4503, 'unavailable'])
    reader.socket.resume()
    const end = await within(reader.closed, 'close')
    assert.deepEqual(end, { code: 4503, reason: 'unavailable' })
    const offsets = offsetsOf(reader.frames)
    assert.deepEqual(offsets, upTo(offsets.length))
    assert.equal(reader.frames.at(-1)?.type, 'ended')
    const ended = await outcome
    assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr)
  },
)

testOnBoth('a gateway closes while its peers are frozen', async (runtime) => {
  const running = await serve(runtime, { drainTime: 4 }, app)
  const { resumeKey: key, epoch } = (await startClient(running.address, await startOf('bob'))).started
  await fill(running.address, 'bob')
  // One client reads nothing while much waits for it. The other does not answer the close frame.
  const reader = await openPaused(
    running.address,
    await startOf('bob', { resume: { key, epoch, offset: 0 } }),
  )
  const silent = await openPaused(running.address, await startOf('eve'))
  const idle = await openSession(running.address, 'ada')
  idle.socket.pause()
  running.child.kill('SIGTERM')
  const ended = await running.outcome
  assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr)
  for (const { socket } of [reader, silent]) socket.terminate()
})
