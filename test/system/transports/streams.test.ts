// The event stream, for networks where WebSockets do not get through: what it answers, and how posts reach it.
import assert from 'node:assert/strict'
import { appId, tokenFor } from '../../support/tokens.js'
import { guestStart, startOf } from '../../support/starts.js'
import { openRaw, startClient } from '../../support/raw-client.js'
import { ask, openStream, startStream } from '../../support/clients/stream-client.js'
import { until } from '../../support/until.js'
import { serve, serveOnBoth, testOnBoth } from './serve.js'

const urlOf = await serveOnBoth()
const strict = await serveOnBoth({}, { origins: ['https://shop.example'] })

const hello = { type: 'send', id: '1', to: 'bob', body: 'Hello' }

testOnBoth('a stream begins with 4 kB and its id, then carries a session both ways', async (runtime) => {
  const url = urlOf(runtime)
  const ada = await startStream(url, await startOf('ada'))
  const [comment = '', first = ''] = ada.text().split('\n\n')
  assert.match(comment, /^: +$/)
  assert.ok(`${comment}\n\n`.length >= 4_096)
  assert.deepEqual(JSON.parse(first.replace(/^data: /, '')), { type: 'stream', id: ada.id })
  // The id has 24 random bytes at least.
  assert.ok(ada.id.length >= 32, ada.id)
  assert.equal(ada.started['resumed'], false)
  const bob = await startClient(url, await startOf('bob'))
  assert.equal((await ada.send(hello)).status, 204)
  assert.equal((await bob.next('message'))['body'], 'Hello')
  assert.equal((await ada.next('sent'))['id'], '1')
  bob.send({ type: 'send', id: '1', to: 'ada', body: 'ü 😀 \u2028' })
  assert.equal((await ada.next('message'))['body'], 'ü 😀 \u2028')
  ada.cut()
  bob.close()
})

testOnBoth('the id comes before the start is verified', async (runtime) => {
  const stream = await openStream(urlOf(runtime), await startOf('ada', { token: 'x.y.z' }))
  assert.notEqual(stream.id, '')
  const { code, frame } = await stream.end()
  assert.deepEqual([code, frame['code']], [4101, 'unauthenticated'])
})

testOnBoth('answers name the origin for the stream, and any origin for the rest', async (runtime) => {
  const url = urlOf(runtime)
  const common = {
    'access-control-expose-headers': 'retry-after',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  }
  for (const origin of ['https://shop.example', 'null']) {
    const named = {
      ...common,
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      vary: 'origin',
    }
    const has = (headers: object, expected: object): void =>
      assert.deepEqual({ ...headers, ...expected }, headers)
    const stream = await startStream(url, await startOf('ada'), { headers: { origin } })
    has(stream.headers, { ...named, 'content-type': 'text/event-stream; charset=utf-8' })
    const path = `${url}/v1/session`
    const open = { ...common, 'access-control-allow-origin': '*' }
    for (const [expected, { headers, status }, code] of [
      [named, await ask(`${path}/stream`, 'x', { headers: { origin } }), 400],
      [named, await ask(`${path}/stream`, '', { method: 'PUT', headers: { origin } }), 405],
      [open, await stream.send({ type: 'pong' }), 204],
      [open, await stream.post('x'), 400],
      [open, await stream.post({ stream: 'x', seq: 1, frames: [{}] }), 404],
      [open, await ask(`${path}/frames`, '', { method: 'PUT', headers: { origin } }), 405],
    ] as const) {
      assert.equal(status, code)
      has(headers, expected)
      if (code === 405) assert.equal(headers.allow, 'POST')
    }
    stream.cut()
  }
})

testOnBoth(
  'a body that is no JSON object is 400, whatever its reason, and 413 if it is too large',
  async (runtime) => {
    const url = `${urlOf(runtime)}/v1/session/stream`
    for (const body of ['', 'null', '[]', '"start"', '{', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])]) {
      const { status, body: text } = await ask(url, body)
      assert.equal(status, 400, String(body))
      assert.equal((JSON.parse(text) as { code: string }).code, 'bad-request')
    }
    assert.equal((await ask(url, ' '.repeat(131_073))).status, 413)
  },
)

testOnBoth('what becomes of any other start is told inside the stream', async (runtime) => {
  for (const [start, expected] of [
    [{ type: 'start' }, 4400],
    [{ type: 'nothing' }, 4400],
    [{ ...guestStart, appId: 'none' }, 4404],
    [{ ...guestStart, client: 'x'.repeat(70_000) }, 4413],
    [{ ...guestStart, user: JSON.parse('['.repeat(500) + ']'.repeat(500)) as unknown }, 4400],
  ] as const) {
    const stream = await openStream(urlOf(runtime), start)
    const { code, frame } = await stream.end()
    assert.equal(code, expected)
    assert.equal(stream.frames.at(-1), frame)
  }
})

testOnBoth(
  'an origin is checked as at a WebSocket: `null` is one, and a missing one passes',
  async (runtime) => {
    const url = strict(runtime)
    for (const origin of ['https://evil.example', 'null']) {
      const stream = await openStream(url, await startOf('ada'), { headers: { origin } })
      const { code, frame } = await stream.end()
      assert.deepEqual([code, frame['code']], [4403, 'origin-refused'])
    }
    const shop = await startStream(url, await startOf('ada'), { headers: { origin: 'https://shop.example' } })
    await shop.send(hello)
    assert.equal((await shop.next('sent'))['id'], '1')
    const body = { stream: shop.id, seq: 3, frames: [hello] }
    for (const origin of ['https://evil.example', 'null']) {
      const { status, body: text } = await shop.post(body, { headers: { origin } })
      assert.deepEqual([status, (JSON.parse(text) as { code: string }).code], [403, 'refused'])
    }
    assert.equal((await ask(`${url}/v1/session/frames`, body)).status, 204)
    shop.cut()
  },
)

testOnBoth(
  'posts are numbered: repetitions do nothing, a gap is 404, two at once are one',
  async (runtime) => {
    const url = urlOf(runtime)
    const stream = await startStream(url, await startOf('ada'), { pongs: false })
    const post = (seq: number, ...frames: unknown[]) => stream.post({ stream: stream.id, seq, frames })
    const sendOf = (id: string) => ({ type: 'send', id, to: 'bob', body: id })
    assert.equal((await post(2, { type: 'pong' })).status, 404)
    const answers = await Promise.all([post(1, sendOf('a')), post(1, sendOf('a'))])
    assert.deepEqual(
      answers.map(({ status }) => status),
      [204, 204],
    )
    assert.equal((await stream.next('sent'))['id'], 'a')
    assert.equal((await post(1, sendOf('not sent'))).status, 204)
    assert.equal((await post(3, sendOf('not sent'))).status, 404)
    assert.equal((await post(2, sendOf('b'), sendOf('c'))).status, 204)
    assert.equal((await post(1, sendOf('not sent'))).status, 204)
    assert.equal((await post(3, sendOf('d'))).status, 204)
    for (const id of ['b', 'c', 'd']) assert.equal((await stream.next('sent'))['id'], id)
    stream.cut()
  },
)

testOnBoth('a malformed post is 400, and no stream notices', async (runtime) => {
  const stream = await startStream(urlOf(runtime), await startOf('ada'), { pongs: false })
  const good = { stream: stream.id, seq: 1, frames: [{ type: 'pong' }] }
  for (const body of [
    '',
    '[]',
    '{',
    { ...good, stream: 1 },
    { ...good, stream: undefined },
    { ...good, seq: 0 },
    { ...good, seq: 1.5 },
    { ...good, seq: '1' },
    { ...good, seq: 2 ** 60 },
    { ...good, frames: undefined },
    { ...good, frames: {} },
    { ...good, frames: [] },
    { ...good, frames: Array.from({ length: 17 }, () => ({ type: 'pong' })) },
  ])
    assert.equal((await stream.post(body)).status, 400, JSON.stringify(body))
  const full = { ...good, frames: Array.from({ length: 16 }, () => ({ type: 'pong' })) }
  assert.equal((await stream.post(JSON.stringify(full).padEnd(131_072))).status, 204)
  assert.equal((await stream.post(JSON.stringify({ ...full, seq: 2 }).padEnd(131_073))).status, 413)
  assert.equal((await stream.post({ ...full, seq: 2 })).status, 204)
  stream.cut()
})

testOnBoth('a frame acts as on a WebSocket, whatever is wrong with it', async (runtime) => {
  for (const [frame, code] of [
    [null, 4400],
    ['pong', 4400],
    [{ type: 'nothing' }, 4400],
    [{ type: 'start' }, 4400],
    [{ type: 'close', code: 'x' }, 4400],
    [{ type: 'close', code: 12 }, 4400],
    [{ type: 'send', id: '1', to: 'bob', body: 'x'.repeat(70_000) }, 4413],
  ] as const) {
    const stream = await startStream(urlOf(runtime), await startOf('ada'), { pongs: false })
    const body = { stream: stream.id, seq: 1, frames: [frame, hello] }
    assert.equal((await stream.post(body)).status, 204)
    assert.equal((await stream.end()).code, code, JSON.stringify(frame))
    assert.equal((await stream.post(body)).status, 404)
  }
  const stream = await startStream(urlOf(runtime), await startOf('ada'), { pongs: false })
  // A value that is nested too deep is refused, and the session goes on. Brackets and quotes in texts do not count.
  const deep = `{"type":"send","id":"deep","to":"bob","data":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`
  const odd = JSON.stringify({ type: 'send', id: 'odd', to: 'bob', body: '"frames":[\\"],[{}' })
  const body = `{ "x":[[1],"frames"], "seq":1, "fr\\u0061mes" : [ ${deep} , ${odd} ], "stream":"${stream.id}" }`
  assert.equal((await stream.post(body)).status, 204)
  assert.equal((await stream.next('refused'))['id'], 'deep')
  assert.equal((await stream.next('sent'))['id'], 'odd')
  stream.cut()
})

testOnBoth('an unknown or an ended stream is 404 for its posts', async (runtime) => {
  const url = urlOf(runtime)
  const stream = await startStream(url, await startOf('ada'), { pongs: false })
  const [node = ''] = stream.id.split('.')
  for (const id of ['', 'x', 'due', `${node}.`, `${node}.x`, stream.id.slice(0, -1), `${stream.id}x`])
    assert.equal((await stream.post({ stream: id, seq: 1, frames: [hello] })).status, 404, id)
  assert.equal((await stream.send({ type: 'end' })).status, 204)
  const { code, frame } = await stream.end()
  assert.deepEqual([code, frame['code']], [1000, 'ended'])
  const { status, body } = await stream.send({ type: 'pong' })
  assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [404, 'not-found'])
})

testOnBoth(
  'a session goes on over the other transport, both ways, and the older one is replaced',
  async (runtime) => {
    const url = urlOf(runtime)
    const resumed = async (started: Record<string, unknown>): Promise<unknown> => {
      const { epoch, offset, resumeKey: key } = started
      return startOf('zoe', { resume: { key, epoch, offset } })
    }
    const socket = await startClient(url, await startOf('zoe'))
    const stream = await startStream(url, await resumed(socket.started))
    assert.equal(stream.started['resumed'], true)
    assert.equal(stream.started['sessionId'], socket.started['sessionId'])
    assert.equal((await socket.end()).code, 4409)
    const later = await startClient(url, await resumed(stream.started))
    assert.equal(later.started['sessionId'], socket.started['sessionId'])
    assert.equal((await stream.end()).code, 4409)
    later.close()
  },
)

testOnBoth('a `close` at the end of a post says how the page left: its session is held', async (runtime) => {
  const running = await serve(runtime, { leaveWindow: 0.2, resumeWindow: 60 })
  const url = running.address
  for (const [code, isCut] of [
    [1001, false],
    [4000, false],
    // Browsers abort the stream of a page that is left, and the last post comes later.
    [1001, true],
  ] as const) {
    const stream = await startStream(url, await startOf('ada'))
    if (isCut) {
      stream.cut()
      await stream.closed
      // The gateway answers after it has read that the other socket is closed.
      await ask(`${url}/v1/health`, '', { method: 'GET' })
    }
    assert.equal((await stream.send(hello, { type: 'close', code })).status, 204)
    if (!isCut) assert.equal(await stream.closed, code)
    const { epoch, offset, resumeKey: key } = stream.started
    // The session's `leaveWindow` is over soon; its `resumeWindow` would not be.
    await until('the session has ended', async () => {
      const start = await startOf('ada', { resume: { key, epoch, offset } })
      const next = await startStream(url, start)
      await next.send({ type: 'close', code: 1000 })
      await next.closed
      return next.started['resumed'] === false
    })
  }
  running.child.kill('SIGKILL')
})

testOnBoth(
  'a stream whose client leaves without a word is lost: its session can be resumed',
  async (runtime) => {
    const url = urlOf(runtime)
    const stream = await startStream(url, await startOf('lost'))
    stream.cut()
    const { epoch, offset, resumeKey: key } = stream.started
    const next = await startStream(url, await startOf('lost', { resume: { key, epoch, offset } }))
    assert.equal(next.started['resumed'], true)
    next.cut()
  },
)

testOnBoth('a stream is pinged, and lost if no post comes in two intervals', async (runtime) => {
  const running = await serve(runtime, { pingInterval: 1 })
  const url = running.address
  const live = await startStream(url, await startOf('ada'))
  const silent = await startStream(url, await startOf('bob'), { pongs: false })
  assert.equal((await silent.end()).code, 4508)
  assert.ok(live.frames.some(({ type }) => type === 'ping'))
  await live.send(hello)
  assert.equal((await live.next('sent'))['id'], '1')
  live.cut()
  running.child.kill('SIGKILL')
})

testOnBoth('a gateway that ends tells it inside its streams, and exits', async (runtime) => {
  const running = await serve(runtime, { drainTime: 10 })
  const stream = await startStream(running.address, await startOf('ada'))
  running.child.kill('SIGTERM')
  const { code, frame } = await stream.end()
  assert.deepEqual([code, frame['code']], [4503, 'unavailable'])
  const ended = await running.outcome
  assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr)
})

testOnBoth('a stream counts as a connection from its request on', async (runtime) => {
  const running = await serve(runtime, { startTimeout: 60, limits: { connectionsPerAddress: 2 } })
  const url = running.address
  const one = await startStream(url, await startOf('ada'), { pongs: false })
  const two = await startClient(url, await startOf('bob'))
  const third = await openStream(url, await startOf('eve'))
  const { code, frame } = await third.end()
  assert.deepEqual([code, frame['code']], [4529, 'rate-limited'])
  assert.equal(typeof frame['retryAfter'], 'number')
  one.cut()
  await until('room for another one', async () => {
    const next = await openStream(url, await startOf('eve'), { pongs: false })
    const type = (await next.next()).type
    next.cut()
    return type === 'started'
  })
  two.close()
  running.child.kill('SIGKILL')
})

testOnBoth('the tokens of app, user and stream are in no line of the log', async (runtime) => {
  const running = await serve(runtime)
  const token = await tokenFor('ada')
  const stream = await startStream(running.address, { type: 'start', appId, token })
  await stream.send(hello)
  stream.cut()
  const raw = await openRaw(running.address)
  raw.socket.write('POST /v1/session/stream HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}')
  await raw.closed
  running.child.kill('SIGTERM')
  const { stderr } = await running.outcome
  assert.ok(!stderr.includes(token))
  assert.ok(!stderr.includes(stream.id))
})
