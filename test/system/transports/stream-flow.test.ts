// Streams whose clients read too slowly or send too much.
import assert from 'node:assert/strict'
import { startClient } from '../../support/raw-client.js'
import { startOf } from '../../support/starts.js'
import { openStream, startStream } from '../../support/clients/stream-client.js'
import { until } from '../../support/until.js'
import { serveOnBoth, testOnBoth } from './serve.js'

/** Limits and retention that these tests do not reach. */
const unlimited = await serveOnBoth(
  {},
  {
    limits: { messagesPerSecond: 100_000, requestsPerSecond: 100_000, bytesPerSecond: 100_000_000 },
    retention: { messages: 10_000, bytes: 100_000_000 },
  },
)
const narrow = await serveOnBoth({}, { limits: { bytesPerSecond: 20_000 } })

/** These are more messages than the kernel's buffers of one socket have room for. */
const MISSED = 800
const body = 'x'.repeat(14_000)

testOnBoth('missed messages reach a stream that is read slowly, each once and in order', async (runtime) => {
  const url = unlimited(runtime)
  const known = await startStream(url, await startOf('ada'))
  known.cut()
  const sender = await startClient(url, await startOf('bob'))
  for (let sent = 0; sent < MISSED; sent += 100) {
    const ids = Array.from({ length: 100 }, (_, index) => `${sent + index}`)
    sender.send(...ids.map((id) => ({ type: 'send', id, to: 'ada', body })))
    for (let answered = 0; answered < 100; answered += 1) await sender.next('sent')
  }
  const { resumeKey: key, epoch } = known.started
  const reader = await openStream(url, await startOf('ada', { resume: { key, epoch, offset: 0 } }))
  // This client is a slow device: it stops after each chunk, and reads on in a later turn.
  reader.response.on('data', () => {
    reader.response.pause()
    setImmediate(() => reader.response.resume())
  })
  const offsets = (): unknown[] =>
    reader.frames.filter(({ type }) => type === 'message').map(({ offset }) => offset)
  await until('all messages', () => offsets().length, MISSED)
  assert.deepEqual(
    offsets(),
    Array.from({ length: MISSED }, (_, index) => index + 1),
  )
  reader.cut()
  sender.close()
})

testOnBoth('a stream that is never read is cut when more than 1 MB waits for it', async (runtime) => {
  const stream = await startStream(unlimited(runtime), await startOf('eve'), { pongs: false })
  stream.response.pause()
  // Each of these profiles is answered by a `user` frame of the same size.
  const profiles = (seq: number) =>
    Array.from({ length: 16 }, (_, index) => ({
      type: 'profile',
      user: { name: `${seq} ${index}`, custom: { text: 'x'.repeat(3_500) } },
    }))
  let seq = 0
  let status = 204
  for (; status === 204 && seq < 2_000; seq += 1)
    ({ status } = await stream.post({ stream: stream.id, seq: seq + 1, frames: profiles(seq) }))
  assert.equal(status, 404, `${seq} posts`)
  stream.response.resume()
  assert.equal(await stream.closed, null)
})

testOnBoth(
  'where a socket would be paused, a post is answered later, and the next one waits',
  async (runtime) => {
    const stream = await startStream(narrow(runtime), await startOf('ada'), { pongs: false })
    const answered: string[] = []
    const post = async (name: string, seq: number, ...ids: string[]): Promise<void> => {
      const frames = ids.map((id) => ({ type: 'send', id, to: 'bob', body: 'x'.repeat(13_000) }))
      const { status } = await stream.post({ stream: stream.id, seq, frames })
      answered.push(`${name} ${status}`)
    }
    const first = post('first', 1, 'a', 'b', 'c')
    for (const id of ['a', 'b', 'c']) assert.equal((await stream.next('sent'))['id'], id)
    assert.deepEqual(answered, [])
    // This client does not wait for the answer. Its second post is taken once, after the pause.
    const next = [post('second', 2, 'd'), post('second', 2, 'd'), post('fourth', 4, 'e')]
    await next[2]
    assert.deepEqual(answered, ['fourth 404'])
    assert.equal((await stream.next('sent'))['id'], 'd')
    await Promise.all([first, ...next])
    assert.deepEqual(answered.toSorted(), ['first 204', 'fourth 404', 'second 204', 'second 204'])
    assert.equal(stream.frames.filter(({ type }) => type === 'sent').length, 4)
    stream.cut()
  },
)

testOnBoth(
  'a post that waits is taken though its client has left the stream, and not if the stream has ended',
  async (runtime) => {
    const url = narrow(runtime)
    for (const [user, status] of [
      ['eve', 204],
      ['kim', 404],
    ] as const) {
      const stream = await startStream(url, await startOf(user), { pongs: false })
      const frames = ['a', 'b', 'c'].map((id) => ({ type: 'send', id, to: 'bob', body: 'x'.repeat(13_000) }))
      const taken = stream.post({ stream: stream.id, seq: 1, frames })
      for (const id of ['a', 'b', 'c']) assert.equal((await stream.next('sent'))['id'], id)
      const waiting = stream.post({ stream: stream.id, seq: 2, frames: [{ type: 'pong' }] })
      // The answer to this post shows that the gateway has read the one before.
      assert.equal((await stream.post({ stream: stream.id, seq: 9, frames: [{ type: 'pong' }] })).status, 404)
      const { epoch, offset, resumeKey: key } = stream.started
      if (status === 204) stream.cut()
      else (await startStream(url, await startOf(user, { resume: { key, epoch, offset } }))).cut()
      assert.deepEqual([(await taken).status, (await waiting).status], [204, status])
    }
  },
)
